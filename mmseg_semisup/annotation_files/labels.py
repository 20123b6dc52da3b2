"""Classes as an annotation tool has them: names, colours, and what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.palette import BACKGROUND_NAMES, class_palette
from mmseg_semisup.core.text import shorten, suggest

IGNORED = 255
NO_CLASS = "none"
"""On the command line: no class is the background."""


@dataclass(frozen=True)
class Labels:
    """Names of classes, and their numbers in masks.

    Args:
        names: Names of the classes, in the order of their numbers.
        palette: RGB colour of each class, in 0..255.
        background: Number of the class of pixels without annotation; None: they are
            ignored.
        ignored: Name that stands for ignored pixels (255) in the tool; None: they have
            no annotation.

    Raises:
        ConfigError: If a name is empty or there twice.
    """

    names: Sequence[str]
    palette: Sequence[Sequence[int]] = ()
    background: int | None = None
    ignored: str | None = None

    def __post_init__(self) -> None:
        """Check the names, and choose colours if there are none."""
        numbers = self._numbers
        expected = len(self.names) + (self.ignored is not None)
        if not self.names or len(numbers) < expected or not all(numbers):
            raise ConfigError(
                f"classes {shorten(list(map(repr, self.names)))}: names must differ, "
                f"and none may be empty or that of ignored pixels ({self.ignored!r})"
            )
        if len(self.names) > IGNORED:
            raise ConfigError(f"{len(self.names)} classes; allowed: up to {IGNORED}")
        if not self.palette:
            object.__setattr__(self, "palette", class_palette(list(self.names)))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        numbers = {name: number for number, name in enumerate(self.names)}
        return numbers if self.ignored is None else {**numbers, self.ignored: IGNORED}

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        palette: Sequence[Sequence[int]] = (),
        background: str | None = None,
        ignored: str | None = None,
    ) -> Labels:
        """Labels with a background by name.

        Args:
            names: See :class:`Labels`.
            palette: See :class:`Labels`.
            background: Name of the background's class, or 'none'; None: the first
                class, if it is called background, bg, void or the like.
            ignored: See :class:`Labels`.

        Raises:
            ConfigError: If there is no such class.
        """
        number: int | None = None
        if background is None:
            is_first = bool(names) and names[0].lower() in BACKGROUND_NAMES
            number = 0 if is_first else None
        elif background in names:
            number = list(names).index(background)
        elif background != NO_CLASS:
            raise ConfigError(
                f"background {background!r} is no class; {suggest(background, names)}"
                f"allowed: {', '.join([*names, NO_CLASS])}"
            )
        return cls(names, palette, number, ignored)

    @property
    def rest(self) -> int:
        """Value of pixels without annotation."""
        return IGNORED if self.background is None else self.background

    @property
    def drawn(self) -> dict[int, str]:
        """Number and name of each label that is annotated."""
        own = {n: name for name, n in self._numbers.items() if n != self.background}
        return dict(sorted(own.items()))

    def colour(self, number: int) -> tuple[int, int, int]:
        """RGB colour of a label, in 0..255; ignored pixels are grey."""
        if number == IGNORED:
            return (224, 224, 224)
        red, green, blue = self.palette[number]
        return (red, green, blue)

    def number(self, name: str) -> int | None:
        """Value of a label's pixels, or None if it is no label."""
        return self._numbers.get(name)

    def unknown(self, name: str) -> str:
        """A sentence about a name that is no label, with the nearest one."""
        names = list(self._numbers)
        return f"{name!r} is no class; {suggest(name, names)}" + (
            f"there are {shorten(names, 9)}"
        )
