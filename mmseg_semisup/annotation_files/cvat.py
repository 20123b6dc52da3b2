"""CVAT for images 1.1: XML with masks as run lengths by rows of their rectangles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.core.plain_files import open_plain
from mmseg_semisup.core.terminal import printable

from .labels import Labels
from .runs import from_runs, to_runs
from .shapes import (
    Annotated,
    AnnotationError,
    Drawing,
    Patch,
    Shape,
    polygon,
    rectangle,
)

CHUNK = 1 << 20
LARGEST = 1 << 28
"""Bytes of the largest tag that is read."""
DEEPEST = 20
OF_IMAGES = "tag"
"""What is said of a whole image, which covers no pixels."""


def fragment(image: Annotated, labels: Labels) -> dict[str, Any]:
    """The element of an image, without its number.

    Args:
        image: The image.
        labels: The classes.

    Raises:
        AnnotationError: If its name has characters that XML cannot hold.
    """
    height, width = image.size
    lines = [f'name={_quoted(image.name)} width="{width}" height="{height}">\n']
    for region in image.regions:
        rows, columns = region.pixels.shape
        runs = ", ".join(map(str, to_runs(region.pixels.ravel()).tolist()))
        lines.append(
            f'    <mask label={_quoted(labels.drawn[region.label])} source="auto" '
            f'occluded="0" rle="{runs}" left="{region.left}" top="{region.top}" '
            f'width="{columns}" height="{rows}" z_order="0"></mask>\n'
        )
    return {"xml": "".join(lines)}


def assemble(
    file: BinaryIO, fragments: Callable[[], Iterator[dict[str, Any]]], labels: Labels
) -> None:
    """Write the whole file.

    Args:
        file: An open file.
        fragments: Function that returns the results of :func:`fragment` in order.
        labels: The classes.
    """
    count = sum(1 for _ in fragments())
    file.write(
        b'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n'
        b"  <version>1.1</version>\n"
        b"  <meta>\n    <task>\n"
    )
    file.write(f"      <size>{count}</size>\n      <labels>\n".encode())
    for number, name in labels.drawn.items():
        red, green, blue = labels.colour(number)
        file.write(
            f"        <label><name>{escape(_valid(name))}</name>"
            f"<color>#{red:02x}{green:02x}{blue:02x}</color>"
            "<type>any</type><attributes></attributes></label>\n".encode()
        )
    file.write(b"      </labels>\n    </task>\n  </meta>\n")
    for number, part in enumerate(fragments()):
        file.write(f'  <image id="{number}" {part["xml"]}  </image>\n'.encode())
    file.write(b"</annotations>\n")


def project_labels(labels: Labels) -> list[dict[str, Any]]:
    """The labels of a project, as the field 'Raw' of its constructor takes them.

    Args:
        labels: The classes.
    """
    return [
        {
            "name": name,
            "color": "#{:02x}{:02x}{:02x}".format(*labels.colour(number)),
            "type": "any",
            "attributes": [],
        }
        for number, name in labels.drawn.items()
    ]


def read(path: str | Path) -> Iterator[Drawing]:
    """Read the images of a file one by one.

    Document types and entities are refused, as they can grow without end.

    Args:
        path: The file.

    Raises:
        DataError: If it cannot be read, is no XML, or not CVAT's for images.
    """
    reader = _Reader(str(path))
    try:
        with open_plain(path) as file:
            fed = 0
            while chunk := file.read(CHUNK):
                reader.parser.Parse(chunk, False)
                fed += len(chunk)
                if fed - reader.parser.CurrentByteIndex > LARGEST:
                    raise DataError(f"{path}: a tag is longer than {LARGEST:,} bytes")
                yield from reader.take()
            reader.parser.Parse(b"", True)
            yield from reader.take()
    except expat.ExpatError as error:
        raise DataError(f"{path} is no XML: {error}") from error
    except OSError as error:
        raise DataError(str(error)) from error
    if not reader.images:
        raise DataError(
            f"{path} has no image; export the task as 'CVAT for images 1.1'"
        )


class _Reader:
    """Turns expat's events into drawings."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.images = 0
        self._finished: list[Drawing] = []
        self._depth = 0
        self._head: tuple[str, tuple[int, int]] | None = None
        self._shapes: list[tuple[int, Shape]] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    def take(self) -> list[Drawing]:
        """The images that are finished since the last call."""
        finished, self._finished = self._finished, []
        return finished

    def _refuse(self, *_: Any) -> None:
        raise DataError(f"{self.path}: a document type in XML, which is not read")

    def _start(self, name: str, values: Mapping[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise DataError(f"{self.path}: it is nested too deep")
        if self._depth == 1 and name != "annotations":
            shown = printable(name[:40], keep="")
            raise DataError(f"{self.path} is no file of CVAT: it begins with <{shown}>")
        if name == "track":
            raise DataError(
                f"{self.path} is 'CVAT for video'; export the task as 'CVAT for images "
                "1.1'"
            )
        if name == "image" and self._depth == 2:
            size = (
                _number(values, "height", self._where()),
                _number(values, "width", self._where()),
            )
            self._head = values.get("name", ""), size
            self._shapes = []
        elif self._head is not None and self._depth == 3 and name != OF_IMAGES:
            self._shapes.append(self._shape(name, dict(values)))

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "image" and self._depth == 1 and self._head is not None:
            self._shapes.sort(key=lambda pair: pair[0])
            found = Drawing(*self._head, [shape for _, shape in self._shapes])
            self._finished.append(found)
            self._head = None
            self.images += 1

    def _shape(self, kind: str, values: Mapping[str, str]) -> tuple[int, Shape]:
        order = values.get("z_order", "0")
        if not order.lstrip("-").isascii() or not order.lstrip("-").isdigit():
            raise DataError(f"{self._where()}: z_order is {order[:20]!r}")
        return int(order), Shape(values.get("label", ""), _drawer(kind, values))

    def _where(self) -> str:
        return f"{self.path}, line {self.parser.CurrentLineNumber}"


def _drawer(kind: str, values: Mapping[str, str]) -> Callable[[tuple[int, int]], Patch]:
    def draw(size: tuple[int, int]) -> Patch:
        if kind == "mask":
            top, left, height, width = (
                _number(values, key, kind) for key in ("top", "left", "height", "width")
            )
            if height > size[0] or width > size[1]:
                raise AnnotationError(
                    f"a mask of {width}x{height} does not fit into the image of "
                    f"{size[1]}x{size[0]} (width x height)"
                )
            runs = _numbers(values.get("rle", ""), ",", int)
            pixels = from_runs(runs, height * width)
            return top, left, pixels.reshape(height, width)
        if kind == "polygon":
            text = values.get("points", "").replace(";", ",")
            return polygon(_numbers(text, ",", float), size)
        if kind == "box":
            if _numbers(values.get("rotation", "0"), ",", float)[0]:
                raise AnnotationError("a rotated box is not read; make it a mask")
            corners = [
                _numbers(values.get(key, ""), ",", float)[0]
                for key in ("xtl", "ytl", "xbr", "ybr")
            ]
            return rectangle(*corners)
        raise AnnotationError(f"{printable(kind[:20])} is not read; make it a mask")

    return draw


def _number(values: Mapping[str, str], key: str, where: str) -> int:
    text = values.get(key, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise DataError(f"{where}: {key} is {text[:20]!r}, and not a whole number")
    return int(text)


def _numbers(text: str, mark: str, kind: Callable[[str], Any]) -> list[Any]:
    try:
        return [kind(part) for part in text.split(mark)]
    except ValueError as error:
        raise AnnotationError(f"{text[:30]!r} are no numbers") from error


def _quoted(text: str) -> str:
    return quoteattr(_valid(text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _valid(text: str) -> str:
    """A text, if XML 1.0 can hold it.

    Raises:
        AnnotationError: If it has a control character, or bytes that are no text.
    """
    for character in text:
        code = ord(character)
        if (
            code < 32
            and character not in "\t\n\r"
            or 0xD800 <= code < 0xE000
            or (code in (0xFFFE, 0xFFFF))
        ):
            raise AnnotationError(
                f"the name {printable(text, keep='')} has characters that XML cannot "
                "hold; rename it"
            )
    return text
