"""Predictions for a folder of images: label masks and coloured overlays.

MMSegmentation's own MMSegInferencer loads checkpoints without the restricted reader,
knows no teacher, stops at the first bad image, and numbers its masks instead of naming
them after the images.
"""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.dataset import Compose
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.models import BaseSegmentor
from mmseg.registry import MODELS
from numpy.typing import NDArray
from PIL import Image

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.figures import encode_labels
from mmseg_semisup.datasets.lists import drop_suffixes
from mmseg_semisup.engine.hooks.architecture_hook import check_state
from mmseg_semisup.models.data_preprocessor import prepared_model
from mmseg_semisup.models.network_names import STUDENT, check_network
from mmseg_semisup.visualization.palette import default_palette, full_palette

from .plain_model import (
    dataset_meta,
    is_fused,
    plain_state,
    test_pipeline,
    without_part_checkpoints,
)

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm")


class Predictor:
    """Predicts label masks of image files with a trained network.

    Args:
        cfg: Config of a training, or a plain MMSegmentation config.
        checkpoint: Its checkpoint, as loaded.
        network: Name of the network; a plain model is a student.
        device: Where to run.

    Raises:
        ValueError: If config and checkpoint do not fit each other.
    """

    def __init__(
        self,
        cfg: Config,
        checkpoint: dict[str, Any],
        network: str = STUDENT,
        device: str = "cpu",
    ) -> None:
        init_default_scope(cfg.get("default_scope", "mmseg"))
        meta = dataset_meta(checkpoint, cfg)
        self.palette = meta["palette"] or default_palette(len(meta["classes"]))
        self.model = load_model(cfg, checkpoint, network).to(device)
        self._pipeline = Compose(test_pipeline(cfg))

    @torch.inference_mode()
    def __call__(self, path: str | Path) -> NDArray[np.uint8]:
        """Predict one image.

        Args:
            path: An image file of any size.

        Returns:
            Class of each pixel, (H, W), uint8.
        """
        data = self._pipeline(dict(img_path=str(path)))
        batch = dict(inputs=[data["inputs"]], data_samples=[data["data_samples"]])
        result = self.model.test_step(batch)[0]
        return result.pred_sem_seg.data[0].to(torch.uint8).cpu().numpy()


def load_model(cfg: Config, checkpoint: dict[str, Any], network: str) -> BaseSegmentor:
    """Build the model of a config for prediction and load its weights.

    Args:
        cfg: Config of a training, or a plain MMSegmentation config.
        checkpoint: Its checkpoint, as loaded.
        network: Name of the network.

    Returns:
        A model whose ``test_step`` predicts with the network, in evaluation mode.

    Raises:
        ValueError: If config and checkpoint do not fit each other.
    """
    model_cfg = ConfigDict(prepared_model(cfg))
    if is_fused(model_cfg):
        model_cfg = without_part_checkpoints(model_cfg)
    is_semi = "segmentor" in model_cfg and not is_fused(model_cfg)
    check_network(network, model_cfg if is_semi else {}, "network")
    if is_semi:
        test_cfg = dict(model_cfg.get("test_cfg") or {}, predict_with=network)
        model_cfg["test_cfg"] = test_cfg
    model = revert_sync_batchnorm(MODELS.build(model_cfg))
    target = model.network(network) if is_semi else model
    state = plain_state(checkpoint["state_dict"], network)
    check_state(target, state)
    target.load_state_dict(state)
    return model.eval()


def find_images(sources: Sequence[str | Path]) -> list[tuple[Path, Path]]:
    """List images, and the paths of their results.

    Args:
        sources: Files, and folders that are searched to any depth.

    Returns:
        Path of each image, and the path of its result below the results' folder;
        without a suffix, unless two images differ only in that.

    Raises:
        ConfigError: If a source does not exist, or there is no image at all.
    """
    found: list[tuple[Path, Path]] = []
    for source in map(Path, sources):
        if source.is_dir():
            files = sorted(f for f in source.rglob("*") if _is_image(f))
            found += [(file, file.relative_to(source)) for file in files]
        elif source.is_file():
            found.append((source, Path(source.name)))
        else:
            raise ConfigError(f"there is no file or folder {source}")
    if not found:
        raise ConfigError(
            f"no image in {', '.join(map(str, sources))}; looked for files that end "
            f"in {' '.join(IMAGE_SUFFIXES)}"
        )
    names = drop_suffixes([name for _, name in found])
    results = [(path, name) for (path, _), name in zip(found, names, strict=True)]
    times = Counter(names)
    twice = [str(path) for path, name in results if times[name] > 1]
    if twice:
        raise ConfigError(
            f"the results of these images would have the same name: {', '.join(twice)};"
            " predict their folders one by one"
        )
    return results


def predict_folder(
    predict: Callable[[Path], NDArray[np.uint8]],
    images: Sequence[tuple[Path, Path]],
    out_dir: str | Path,
    palette: Sequence[Sequence[int]],
    opacity: float = 0.5,
    report: Callable[[str], None] | None = None,
) -> dict[Path, str]:
    """Write ``masks/NAME.png`` and ``overlays/NAME.jpg`` for each image.

    An image that cannot be read or predicted does not stop the others.

    Args:
        predict: Function from an image file to the class of each pixel, (H, W), uint8.
        images: The result of :func:`find_images`.
        out_dir: Folder of the results.
        palette: RGB colour of each class, in 0..255.
        opacity: Opacity of the colours over the image, in 0..1.
        report: Called with a line of progress after each image.

    Returns:
        Each image that failed, and the reason.

    Raises:
        OSError: If a result cannot be written.
    """
    failed: dict[Path, str] = {}
    colours = full_palette(palette)
    start = time.perf_counter()
    for done, (path, name) in enumerate(images, 1):
        try:
            picture = mmcv.imread(str(path))
            if picture is None:
                raise ValueError("not a readable image")
            picture = picture[..., ::-1]
            mask = predict(path)
        except Exception as error:  # one bad image must not stop the others
            failed[path] = f"{type(error).__name__}: {error}"
        else:
            overlay = (1 - opacity) * picture + opacity * colours[mask]
            masks, overlays = (Path(out_dir) / k / name for k in ("masks", "overlays"))
            for path, content in (
                (_add(masks, ".png"), encode_labels(mask, colours)),
                (_add(overlays, ".jpg"), _encode_jpeg(overlay)),
            ):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        if report is not None:
            seconds = time.perf_counter() - start
            left = seconds / done * (len(images) - done)
            report(f"{done}/{len(images)} images, {left:.0f} s left")
    return failed


def _is_image(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES


def _add(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _encode_jpeg(picture: NDArray[np.floating]) -> bytes:
    content = io.BytesIO()
    image = Image.fromarray(picture.round().astype(np.uint8))
    image.save(content, format="JPEG", quality=95)
    return content.getvalue()
