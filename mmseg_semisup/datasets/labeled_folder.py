"""The record of a folder of masks that ``tools/import_masks.py`` made."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmseg_semisup.core.atomic_io import atomic_write
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.records import RecordError, read_record

RECORD = "labeled.json"
LIST = "labeled.txt"
MASKS = "masks"
FORM = {"classes": [str], "palette": [[int]], "images": str}


def write_labeled(
    folder: str | Path,
    ids: Sequence[str],
    images: str | Path,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
) -> None:
    """Write the list of a folder's images, and what its masks show.

    Args:
        folder: Has a folder ``masks``.
        ids: Ids of the images with a mask.
        images: Folder of the images.
        classes: Names of the classes.
        palette: RGB colour of each class, in 0..255.
    """
    content = {
        "images": os.path.abspath(images),
        "classes": list(classes),
        "palette": [list(map(int, colour)) for colour in palette],
    }
    atomic_write(Path(folder, RECORD), json.dumps(content, indent=1).encode())
    atomic_write(Path(folder, LIST), "".join(f"{key}\n" for key in ids).encode())


def labeled_dataset(folder: str | Path) -> dict[str, Any]:
    """The config of a data set of a folder's masks, without transforms.

    Args:
        folder: What :func:`write_labeled` wrote into.

    Raises:
        ConfigError: If it has no record, or one of another form.
    """
    folder = Path(folder).resolve()
    try:
        record = read_record(folder / RECORD, FORM)
    except RecordError as error:
        raise ConfigError(
            f"labeled={str(folder)!r} is no folder that import_masks.py wrote: "
            f"{RECORD}: {error}"
        ) from error
    return {
        "type": "FolderDataset",
        "classes": record["classes"],
        "palette": record["palette"],
        "data_prefix": {
            "img_path": record["images"],
            "seg_map_path": str(folder / MASKS),
        },
        "ann_file": str(folder / LIST),
    }
