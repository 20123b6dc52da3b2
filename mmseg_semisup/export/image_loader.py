"""Loads images through a test pipeline."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dataset import Compose

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.datasets.read_image import load


class ImageLoader:
    """Loads images through a test pipeline, in any number of threads.

    Args:
        pipeline: Configs of its transforms.
    """

    def __init__(self, pipeline: Sequence[Mapping[str, Any]]) -> None:
        self.pipeline = [dict(step) for step in pipeline]
        self._local = threading.local()

    def __call__(self, path: str) -> dict[str, Any]:
        """Load an image.

        Returns:
            ``inputs``, (3, H, W), uint8, and ``data_samples``, which holds the sizes.

        Raises:
            ImageFileError: If it cannot be used; the message begins with its name.
        """
        if not hasattr(self._local, "steps"):
            # Some of mmseg's transforms store state in themselves.
            self._local.steps = Compose(copy.deepcopy(self.pipeline)).transforms
        try:
            data: Any = {"img_path": path}
            for step in self._local.steps:
                data = load(step, data)
                if data is None:
                    raise ImageFileError(f"{path}: the test pipeline gave nothing")
        except ImageFileError:
            raise
        except Exception as error:  # whatever a transform raises
            raise ImageFileError(f"{path}: {type(error).__name__}: {error}") from error
        return data
