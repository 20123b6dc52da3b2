"""Exports a plain MMSegmentation model as an ONNX file beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.palette import class_palette

from .build import build_network
from .onnx_file import OnnxSettings, write_onnx
from .plain_model import Exported
from .prediction_files import find_images
from .validation_images import validation_images

COMPARED = 4
"""Images of the validation set on which both are compared."""


def export_onnx(
    cfg: Config,
    exported: Exported,
    images: Sequence[str | Path] | None,
    settings: OnnxSettings,
) -> str:
    """Write ``model.onnx`` beside an exported model.

    Args:
        cfg: The config of the training, which has the validation set.
        exported: The plain model.
        images: Images, and folders of them, to compare on; None: the validation set's.
        settings: What the file takes and gives.

    Returns:
        What was written, in words.

    Raises:
        ConfigError: If the network cannot be exported, or the file does not predict
            what the network does; then it is not written.
        ImageFileError: If an image cannot be read.
    """
    if images:
        paths = [path for path, _ in find_images(images)]
    else:
        paths = validation_images(cfg, COMPARED)
    plain = Config.fromfile(exported.config)
    checkpoint = load_checkpoint_file(exported.checkpoint)
    init_default_scope(plain.default_scope)
    model = build_network(plain.model, checkpoint["state_dict"], "cpu")
    meta = checkpoint["meta"]
    classes, palette = (meta["dataset_meta"][key] for key in ("classes", "palette"))
    facts = {
        "classes": classes,
        "palette": palette or class_palette(classes),
        "network": meta["network"],
        "iter": meta["iter"],
    }
    path = exported.checkpoint.with_suffix(".onnx")
    found = write_onnx(model, plain.test_pipeline, paths, path, settings, facts)
    window, cfg = "", model.test_cfg or {}
    if cfg.get("mode", "whole") == "slide":
        window = (
            f"\nThe config predicts windows of {tuple(cfg['crop_size'])}: the file "
            "predicts one window."
        )
    return (
        f"onnx:       {path}\non {found.images} images, onnxruntime and PyTorch agree: "
        f"logits differ by at most {found.difference:.1e}, and "
        f"at least {100 * found.equal:.3f} % of an image's classes are equal{window}"
    )
