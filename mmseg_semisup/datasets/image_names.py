"""Finds the images of a folder that an annotation tool means."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.core.terminal import printable
from mmseg_semisup.core.text import shorten

from .lists import IMAGE_SUFFIXES, scan_folder

UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts in front of the names of uploaded files."""


class ImageNames:
    """Finds the image that a tool means.

    Args:
        folder: Folder of the images.
        suffixes: What the names of images end with.

    Raises:
        DataError: If it is missing, or has no image.
    """

    def __init__(
        self, folder: str | Path, suffixes: Sequence[str] = IMAGE_SUFFIXES
    ) -> None:
        self.folder = str(folder)
        try:
            found = scan_folder(folder, suffixes)
        except ValueError as error:
            raise DataError(str(error)) from error
        if not found:
            raise DataError(f"no image in {printable(self.folder, keep='')}")
        self._ids = {path: key for key, path in found.items()}
        self._ends: dict[str, list[str]] = defaultdict(list)
        for path in self._ids:
            self._ends[path.rpartition("/")[2]].append(path)

    def find(self, name: str) -> tuple[str, str]:
        """Id and path of an image.

        A tool may know an image by more folders than the folder has, or by less.

        Args:
            name: Its name in the tool.

        Raises:
            DataError: If there is no such image, or there are several.
        """
        parts = name.replace("\\", "/").strip("/").split("/")
        for start in range(len(parts)):
            path = "/".join(parts[start:])
            if path in self._ids:
                return self._ids[path], os.path.join(self.folder, path)
        last = parts[-1]
        similar = self._ends.get(last) or self._ends.get(UPLOADED.sub("", last), [])
        if len(similar) > 1:
            raise DataError(f"several images have this name: {shorten(similar)}")
        if not similar:
            raise DataError(f"there is no such image in {self.folder}")
        return self._ids[similar[0]], os.path.join(self.folder, similar[0])
