"""Label Studio: tasks with brush masks, whose bits are run lengths of RGBA values.

The bits of a brush mask are those of thi.ng's ``rle-pack``, which Label Studio uses:
the number of values (32 bits), the size of a value less 1 (5), four sizes of lengths
less 1 (4 each); then runs: whether the values are equal (1), which size (2), the length
less 1, and one value or all of them.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.core.records import RecordError, check_form

from .json_parts import JsonParts
from .labels import Labels
from .runs import placed_runs
from .shapes import (
    Annotated,
    AnnotationError,
    Drawing,
    Patch,
    Shape,
    polygon,
    rectangle,
)

LOCAL_FILES = "/data/local-files/?d="
"""Address of files in Label Studio's local storage."""
CHANNELS = 4
VALUE_BITS = 8
LENGTH_BITS = (3, 4, 8, 16)
COVERED = 128
"""Least opacity of a pixel that counts; brushes of Label Studio write 0 or 255."""
KINDS = ("brushlabels", "polygonlabels", "rectanglelabels")
TASK = {
    "data": {str: object},
    "annotations?": [{"result": [{str: object}]}],
    "predictions?": [{"result": [{str: object}]}],
}
RESULT = {"original_width": int, "original_height": int, "value": {str: object}}
"""Forms of the entries, see :mod:`~mmseg_semisup.core.records`."""


def fragment(
    image: Annotated, labels: Labels, prefix: str = LOCAL_FILES
) -> dict[str, Any]:
    """The task of an image.

    Args:
        image: The image.
        labels: The classes.
        prefix: What precedes its name in the address of the image.
    """
    height, width = image.size
    results = []
    for number, region in enumerate(image.regions):
        runs = placed_runs(region.pixels, region.top, region.left, image.size)
        entry: dict[str, Any] = {
            "id": f"r{number}",
            "type": "brushlabels",
            "from_name": "label",
            "to_name": "image",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": {
                "format": "rle",
                "rle": encode_brush(runs),
                "brushlabels": [labels.drawn[region.label]],
            },
        }
        if region.score is not None:
            entry["score"] = region.score
        results.append(entry)
    prediction: dict[str, Any] = {"model_version": "mmseg_semisup", "result": results}
    if image.score is not None:
        prediction["score"] = image.score
    address = prefix + urllib.parse.quote(image.name, safe="/")
    data = {"image": address, "name": image.name}
    return {"data": data, "predictions": [prediction]}


def assemble(
    file: BinaryIO, fragments: Callable[[], Iterator[dict[str, Any]]], labels: Labels
) -> None:
    """Write the whole file.

    Args:
        file: An open file.
        fragments: Function that returns the results of :func:`fragment` in order.
        labels: The classes.
    """
    del labels  # they are in the labelling config
    file.write(b"[")
    for place, task in enumerate(fragments()):
        file.write(b",\n" if place else b"\n")
        file.write(json.dumps(task).encode())
    file.write(b"\n]\n")


def labelling_config(labels: Labels) -> str:
    """The labelling config of a project, which its settings take.

    Args:
        labels: The classes.
    """
    lines = []
    for number, name in labels.drawn.items():
        red, green, blue = labels.colour(number)
        colour = f"#{red:02x}{green:02x}{blue:02x}"
        lines.append(f'    <Label value={quoteattr(name)} background="{colour}"/>\n')
    return (
        '<View>\n  <Image name="image" value="$image" zoom="true"/>\n'
        f'  <BrushLabels name="label" toName="image">\n{"".join(lines)}'
        "  </BrushLabels>\n</View>\n"
    )


def read(parts: JsonParts, predictions: bool = False) -> Iterator[Drawing]:
    """Read the tasks of a file one by one.

    The last annotation that was not cancelled counts.

    Args:
        parts: The file, an export as JSON.
        predictions: Whether the last prediction counts where there is no annotation.

    Raises:
        DataError: If the file is not Label Studio's, or a task has another form.
    """
    for part in parts.parts():
        drawing = read_task(parts.read(part), f"{parts.path}", predictions)
        if drawing is not None:
            yield drawing


class TaskIndex:
    """Places of all annotated tasks of a file.

    Args:
        parts: The file.
        predictions: See :func:`read`.

    Attributes:
        labels: Names of the classes that annotations have.

    Raises:
        DataError: If the file is not Label Studio's, or a task has another form.
    """

    def __init__(self, parts: JsonParts, predictions: bool = False) -> None:
        self._parts, self._predictions = parts, predictions
        self._places: list[tuple[str, int, int]] = []
        self._names: list[str] = []
        labels: dict[str, None] = {}
        for part in parts.parts():
            found = read_task(parts.read(part), str(parts.path), predictions)
            if found is not None:
                self._places.append(part)
                self._names.append(found.name)
                labels.update(dict.fromkeys(shape.label for shape in found.shapes))
        self.labels = list(labels)

    @property
    def images(self) -> int:
        """Number of annotated images."""
        return len(self._places)

    def name(self, number: int) -> str:
        """Name of an image.

        Args:
            number: Its position among the annotated ones.
        """
        return self._names[number]

    def drawing(self, number: int) -> Drawing:
        """Read an image with its annotations.

        Args:
            number: Its position among the annotated ones.
        """
        task = self._parts.read(self._places[number])
        found = read_task(task, str(self._parts.path), self._predictions)
        if found is None:
            raise DataError(f"{self._parts.path} has changed since it was first read")
        return found


def read_task(task: Any, where: str, predictions: bool = False) -> Drawing | None:
    """The image of a task; None if nobody has annotated it.

    Args:
        task: An entry of the file.
        where: The file, for messages.
        predictions: See :func:`read`.

    Raises:
        DataError: If it has another form.
    """
    try:
        check_form(task, TASK)
    except RecordError as error:
        raise DataError(
            f"{where}: {error}; export the project as 'JSON', not 'JSON-MIN'"
        ) from error
    done = [a for a in task.get("annotations", ()) if not a.get("was_cancelled")]
    if not done and predictions:
        done = task.get("predictions", [])
    if not done:
        return None
    name = image_name(task["data"])
    shapes, sizes = [], set[tuple[int, int]]()
    for result in done[-1]["result"]:
        kind = result.get("type")
        if kind not in KINDS:
            if str(kind).endswith("labels"):
                shapes.append(Shape(str(kind), _drawer(str(kind), {"value": {}})))
            continue
        try:
            check_form(result, RESULT)
            names = result["value"].get(kind)
            check_form(names, [str])
        except RecordError as error:
            raise DataError(f"{where}: {name}: {error}") from error
        sizes.add((result["original_height"], result["original_width"]))
        label = names[0] if len(names) == 1 else ", ".join(names)
        shapes.append(Shape(label, _drawer(kind, result)))
    if len(sizes) > 1:
        raise DataError(f"{where}: {name} has several sizes: {sorted(sizes)}")
    return Drawing(name, sizes.pop() if sizes else None, shapes)


def image_name(data: Mapping[str, Any]) -> str:
    """Name of the image of a task: that of our export, or the end of its address.

    Args:
        data: The task's data.
    """
    if isinstance(data.get("name"), str):
        return str(data["name"])
    addresses = [data.get("image"), *data.values()]
    address = next((a for a in addresses if isinstance(a, str) and a), "")
    parsed = urllib.parse.urlsplit(address)
    query = urllib.parse.parse_qs(parsed.query)
    return query["d"][0] if "d" in query else urllib.parse.unquote(parsed.path)


def encode_brush(runs: NDArray[np.int64]) -> list[int]:
    """A mask as the bytes of a brush.

    Args:
        runs: Lengths of alternating runs of its rows, the first of false pixels.

    Raises:
        AnnotationError: If it has 2^30 pixels or more.
    """
    total = int(runs.sum()) * CHANNELS
    if total >= 1 << 32:
        raise AnnotationError("Label Studio takes no image of 2^30 pixels or more")
    runs = runs * CHANNELS
    values = np.arange(len(runs)) % 2 * 255
    # A run that is too long for a length becomes several.
    longest = 1 << LENGTH_BITS[-1]
    pieces = np.maximum(-(-runs // longest), runs > 0)
    values = np.repeat(values, pieces)
    lengths = np.full(len(values), longest)
    ends = np.cumsum(pieces)[runs > 0] - 1
    lengths[ends] = (runs[runs > 0] - 1) % longest + 1
    which = np.searchsorted([1 << bits for bits in LENGTH_BITS], lengths)
    sizes = np.array(LENGTH_BITS)[which]
    # Each run: 1, two bits, a length, a value; as one number of `widths` bits.
    codes = (4 | which) << sizes | lengths - 1
    codes = codes << VALUE_BITS | values
    widths = 3 + sizes + VALUE_BITS
    places = np.arange(3 + LENGTH_BITS[-1] + VALUE_BITS)
    bits = codes[:, None] >> np.maximum(widths[:, None] - 1 - places, 0) & 1
    row = bits[places < widths[:, None]].astype(np.uint8)
    head = f"{total:032b}{VALUE_BITS - 1:05b}"
    head += "".join(f"{size - 1:04b}" for size in LENGTH_BITS)
    first = np.frombuffer(head.encode(), np.uint8) - ord("0")
    return np.packbits(np.concatenate([first, row])).tolist()


def decode_brush(content: Sequence[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask of a brush: the pixels that are at least half opaque.

    Args:
        content: Bytes, in 0..255.
        size: Height and width of the image.

    Returns:
        (H, W), bool.

    Raises:
        AnnotationError: If the bytes are damaged, or of another size.
    """
    try:
        bits = "".join(f"{byte:08b}" for byte in bytes(content))
    except (TypeError, ValueError) as error:
        raise AnnotationError("a brush mask is no list of bytes") from error
    if len(bits) < 53:
        raise AnnotationError("a brush mask is cut off")
    total, width = int(bits[:32], 2), int(bits[32:37], 2) + 1
    if total != CHANNELS * size[0] * size[1] or width != VALUE_BITS:
        raise AnnotationError(
            f"a brush mask has {total // CHANNELS} pixels, the image of "
            f"{size[1]}x{size[0]} (width x height) {size[0] * size[1]}"
        )
    lengths = [int(bits[i : i + 4], 2) + 1 for i in range(37, 53, 4)]
    values = np.zeros(total, np.uint8)
    place, done = 53, 0
    try:
        while done < total:
            size_bits = lengths[int(bits[place + 1 : place + 3], 2)]
            start = place + 3 + size_bits
            end = done + 1 + int(bits[place + 3 : start], 2)
            count = 1 if bits[place] == "1" else end - done
            place = start + count * VALUE_BITS
            if end > total or place > len(bits):
                raise AnnotationError("a brush mask is damaged")
            if count == 1:
                values[done:end] = int(bits[start:place], 2)
            else:
                row = int(bits[start:place], 2).to_bytes(count, "big")
                values[done:end] = np.frombuffer(row, np.uint8)
            done = end
    except (IndexError, ValueError) as error:
        raise AnnotationError("a brush mask is cut off") from error
    return values.reshape(*size, CHANNELS)[..., 3] >= COVERED


def _drawer(kind: str, result: Mapping[str, Any]) -> Callable[[tuple[int, int]], Patch]:
    value = result["value"]

    def draw(size: tuple[int, int]) -> Patch:
        if kind not in KINDS:
            raise AnnotationError(f"{kind[:20]} are not read; use brushlabels")
        if result.get("image_rotation") or value.get("rotation"):
            raise AnnotationError("a rotated annotation is not read; turn it back")
        if kind == "brushlabels":
            return 0, 0, decode_brush(value.get("rle", ()), size)
        # Polygons and rectangles are in percent.
        scale = size[1] / 100, size[0] / 100
        try:
            if kind == "polygonlabels":
                points = [
                    float(number) * factor
                    for point in value["points"]
                    for number, factor in zip(point, scale, strict=True)
                ]
                return polygon(points, size)
            x, y, width, height = (
                float(value[key]) for key in ("x", "y", "width", "height")
            )
        except (KeyError, TypeError, ValueError) as error:
            raise AnnotationError(f"{kind}: its coordinates are damaged") from error
        left, right = x * scale[0], (x + width) * scale[0]
        return rectangle(left, y * scale[1], right, (y + height) * scale[1])

    return draw
