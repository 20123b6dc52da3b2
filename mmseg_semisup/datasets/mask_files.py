"""Masks as people have them: colours or other numbers, merged and renamed classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import mmcv
import mmengine.fileio
import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.core.text import shorten, suggest

from .files import check_complete, check_mask_file
from .image_headers import PHOTOGRAPHS, Header, read_header

FIELD = "mask_files"
"""Key of a sample whose mask is read by a :class:`MaskSource`."""
PALETTE = "palette"
IGNORED_NAMES = (None, "ignored", "none")
OTHERS = "*"
"""In a map of classes: all names that are no class."""
UNKNOWN = -1


class MaskSource(Protocol):
    """Reads the masks of a data set."""

    def read(self, path: str) -> NDArray[np.uint8]:
        """Read a mask.

        Args:
            path: What the data set calls it.

        Returns:
            (H, W), uint8, in 0..C-1 or the ignored value.

        Raises:
            DataError: If it cannot be used; without its name.
        """

    def size(self, path: str) -> tuple[int, int]:
        """Height and width of a mask, without reading its pixels.

        Args:
            path: What the data set calls it.

        Raises:
            FileNotFoundError: If there is no such file.
            DataError: If it cannot be used; without its name.
        """


class ClassMap:
    """Numbers of classes by the names that files have for them.

    Args:
        classes: Names of the classes, in the order of their numbers.
        class_map: Name in the files to name of a class; None, 'none' or 'ignored':
            these pixels do not count. Names that it lacks are those of classes, or
            what it says of '*'.
        ignored: Value of pixels that do not count.

    Raises:
        ValueError: If it leads to a class that does not exist.
    """

    def __init__(
        self,
        classes: Sequence[str],
        class_map: Mapping[str, str | None] | None = None,
        ignored: int = 255,
    ) -> None:
        self.classes, self.ignored = list(classes), ignored
        self.named = dict(class_map or {})
        for name, own in self.named.items():
            if own not in self.classes and own not in IGNORED_NAMES:
                raise ValueError(
                    f"class_map[{name!r}]={own!r} is no class; "
                    f"{suggest(str(own), self.classes)}allowed: "
                    f"{', '.join(self.classes)}, None"
                )

    def value(self, name: str) -> int:
        """Number of the class that a name in the files stands for.

        Raises:
            ValueError: If it is neither in the map nor a class.
        """
        key = name if name in self.named or name in self.classes else OTHERS
        own = self.named.get(key, name)
        if own in self.classes:
            return self.classes.index(own)
        if key in self.named:
            return self.ignored
        known = [*self.named, *self.classes]
        raise ValueError(
            f"{name!r} is neither a class nor in class_map; {suggest(name, known)}"
            f"classes: {shorten(self.classes, 9)}; class_map={{{name!r}: None}} "
            "ignores it"
        )

    def check_used(self, names: Sequence[str]) -> None:
        """Raise ValueError if the map has names that the files do not."""
        lost = [name for name in self.named if name not in [*names, OTHERS]]
        if lost:
            raise ValueError(
                f"class_map has {lost[0]!r}, which the masks do not; "
                f"{suggest(lost[0], names)}they have {shorten(names, 9)}"
            )


class MaskFiles:
    """Image files of masks, whose values or colours stand for named classes.

    Args:
        mask_classes: Names of the values 0, 1, ...; or name to value, or to several; or
            name to RGB colour, or to several; or 'palette', the colours of the classes.
        classes: The names that they stand for.
        palette: RGB colour of each class, for 'palette'.

    Raises:
        ValueError: If names, values and colours disagree.
    """

    def __init__(
        self,
        mask_classes: Sequence[str] | Mapping[str, Any] | str,
        classes: ClassMap,
        palette: Sequence[Sequence[int]] = (),
    ) -> None:
        if mask_classes == PALETTE:
            named: dict[str, Any] = dict(zip(classes.classes, palette, strict=True))
        elif isinstance(mask_classes, Mapping):
            named = {str(name): value for name, value in mask_classes.items()}
        elif isinstance(mask_classes, str):
            raise ValueError(
                f"mask_classes={mask_classes!r}; allowed: '{PALETTE}', a list of "
                "names, name to value, name to colour"
            )
        else:
            named = {str(name): value for value, name in enumerate(mask_classes)}
        classes.check_used(list(named))
        values = {name: _values(name, value) for name, value in named.items()}
        kinds = {isinstance(v, tuple) for found in values.values() for v in found}
        if len(kinds) != 1:
            raise ValueError(
                "mask_classes: give all names a value (0 to 255), or all a colour "
                "([R, G, B])"
            )
        (self.coloured,) = kinds
        self.ignored = classes.ignored
        found: dict[Any, tuple[int, str]] = {}
        for name, owned in values.items():
            number = classes.value(name)
            for value in owned:
                if found.setdefault(value, (number, name))[0] != number:
                    raise ValueError(
                        f"mask_classes: {name!r} and {found[value][1]!r} are both "
                        f"{list(value) if self.coloured else value}"
                    )
        self._names = {key: name for key, (_, name) in found.items()}
        if self.coloured:
            codes = {_code(colour): n for colour, (n, _) in found.items()}
            self._codes = np.array(sorted(codes), np.int64)
            self._numbers = np.array([codes[c] for c in sorted(codes)], np.uint8)
        else:
            self._table = np.full(256, UNKNOWN, np.int16)
            for value, (number, _) in found.items():
                self._table[value] = number
            if self._table[self.ignored] == UNKNOWN:
                self._table[self.ignored] = self.ignored

    def read(self, path: str) -> NDArray[np.uint8]:
        """Read a mask, see :class:`MaskSource`."""
        check_complete(path)
        content = mmengine.fileio.get(path)
        if self.coloured:
            self._check_colours(path)
            pixels = mmcv.imfrombytes(content, "color", "rgb", "pillow")
            if pixels is None:
                raise DataError("cannot be decoded")
            return self._of_colours(pixels)
        check_mask_file(path)
        values = mmcv.imfrombytes(content, "unchanged", backend="pillow")
        if values is None or values.squeeze().ndim != 2:
            raise DataError(
                "the mask has colours in place of class numbers; name them: "
                "mask_classes={'road': [128, 64, 128], ...}, or 'palette'"
            )
        return self._of_values(values.squeeze().astype(np.uint8))

    def size(self, path: str) -> tuple[int, int]:
        """Size of a mask, see :class:`MaskSource`."""
        check_complete(path)
        if self.coloured:
            return self._check_colours(path).stored
        check_mask_file(path)
        return read_header(path).stored

    def _check_colours(self, path: str) -> Header:
        header = read_header(path)
        if header.kind in PHOTOGRAPHS:
            raise DataError("a JPEG, whose compression changes colours; use PNG")
        if header.orientation != 1 or header.xmp_orientation != 1:
            raise DataError(
                "the mask has an entry of its orientation; turn its pixels and remove "
                "the entry"
            )
        if header.mode.startswith(("I", "F")):
            raise DataError(f"the mask has no colours of 8 bits, but {header.mode}")
        return header

    def _of_colours(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        red, green, blue = (pixels[..., i].astype(np.int32) for i in range(3))
        codes = red << 16 | green << 8 | blue
        places = np.searchsorted(self._codes, codes).clip(max=len(self._codes) - 1)
        wrong = self._codes[places] != codes
        if wrong.any():
            colour = pixels[wrong][0]
            distance = [
                (sum((a - int(b)) ** 2 for a, b in zip(c, colour, strict=True)), c)
                for c in self._names
            ]
            nearest = min(distance)[1]
            raise DataError(
                f"the colour {colour.tolist()} of {wrong.sum()} pixels is in no class; "
                f"the nearest is {list(nearest)}, {self._names[nearest]!r}"
            )
        return self._numbers[places]

    def _of_values(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        mask = self._table[values]
        if (mask == UNKNOWN).any():
            wrong = np.unique(values[mask == UNKNOWN]).tolist()
            raise DataError(
                f"the mask has the values {wrong[:9]}, which mask_classes does not name"
            )
        return mask.astype(np.uint8)


def _values(name: str, stated: Any) -> list[Any]:
    """The values or colours of a name; colours are tuples."""
    if isinstance(stated, int):
        stated = [stated]
    numbers = list(stated) if isinstance(stated, (list, tuple)) else [None]
    if len(numbers) == 3 and all(isinstance(n, int) for n in numbers):
        # Three values would look like a colour.
        numbers = [tuple(numbers)]
    found = [tuple(n) if isinstance(n, (list, tuple)) else n for n in numbers]
    found = [n[0] if isinstance(n, tuple) and len(n) == 1 else n for n in found]
    for value in found:
        parts = value if isinstance(value, tuple) else (value,)
        right = len(parts) in (1, 3) and all(
            isinstance(part, int) and 0 <= part <= 255 for part in parts
        )
        if not right:
            raise ValueError(
                f"mask_classes[{name!r}]={stated!r}; allowed: a value in 0 to 255, a "
                "colour [R, G, B], or a list of such"
            )
    return found


def _code(colour: Sequence[int]) -> int:
    return colour[0] << 16 | colour[1] << 8 | colour[2]
