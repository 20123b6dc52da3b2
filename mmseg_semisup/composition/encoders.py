"""The encoders that a config can get by name, with the head that reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.config import Config, ConfigDict

from mmseg_semisup.core.config import config_folders
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.text import suggest
from mmseg_semisup.models.backbones import ENCODERS, encoder_patch

FILES = {
    "efficientnet-lite0": "lite0_topdown.py",
    "efficientnet-lite1": "lite1_topdown.py",
    "efficientnet-lite2": "lite2_topdown.py",
    "resnet50": "deeplabv3plus_r50-d16.py",
    "resnet101": "deeplabv3plus_r101-d16.py",
}
"""Name of a convolutional encoder to the model in ``configs/_base_/models``."""
DPT_SIZES = {
    384: (64, [48, 96, 192, 384]),
    768: (128, [96, 192, 384, 768]),
    1024: (256, [256, 512, 1024, 1024]),
    1280: (256, [256, 512, 1024, 1024]),
    1536: (384, [1536, 1536, 1536, 1536]),
}
"""Width of a transformer to channels and out_channels of its head; 1280 as 1024."""
IMAGENET = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
Rates = tuple[float, float]
TRANSFORMER_RATES: Rates = (2e-4, 5e-6)
"""AdamW's learning rates of head and encoder: UniMatch V2 with DINOv2."""
OTHER_RATES: Rates = (1e-4, 1e-5)
"""The same for its other encoders."""
NORMALISATION = ("mean", "std", "bgr_to_rgb")

Stated = str | Sequence[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Encoder:
    """What a config gets with an encoder.

    Attributes:
        name: Its name.
        parts: ``backbone``, ``decode_head`` and, if there is one, ``neck``.
        normalisation: ``mean``, ``std`` and ``bgr_to_rgb`` of the preprocessor.
        patch: Side in pixels that sides of images are multiples of; None: any size.
        rates: Learning rates of AdamW for the head and the encoder; None: the
            config's optimizer stays.
    """

    name: str
    parts: dict[str, Any]
    normalisation: dict[str, Any]
    patch: int | None = None
    rates: Rates | None = None


def encoder_names() -> list[str]:
    """Names of all encoders."""
    return [*ENCODERS, *FILES]


def resolve_encoder(encoder: Stated) -> Encoder:
    """Find an encoder.

    Args:
        encoder: A name; or a list of it and a file or folder of weights; or
            ``dict(name=..., weights=...)`` with further arguments of the backbone,
            where ``weights=None`` starts at random.

    Raises:
        ConfigError: If it is none of these, or the name is unknown.
    """
    arguments = _arguments(encoder)
    name = arguments.pop("name")
    if name not in encoder_names():
        raise ConfigError(
            f"encoder={name!r}: there is no such encoder; "
            f"{suggest(str(name), encoder_names(), cutoff=0.5)}there are "
            f"{', '.join(encoder_names())}"
        )
    found = _of_file(name) if name in FILES else _of_library(name)
    if "weights" in arguments and name in FILES:
        file = arguments.pop("weights")
        pretrained = file and {"type": "Pretrained", "checkpoint": file}
        found.parts["backbone"]["init_cfg"] = pretrained
    found.parts["backbone"].update(arguments)
    return found


def _arguments(encoder: Stated) -> dict[str, Any]:
    if isinstance(encoder, str):
        return {"name": encoder}
    if isinstance(encoder, Mapping) and "name" in encoder:
        return ConfigDict(encoder).to_dict()
    if isinstance(encoder, (list, tuple)) and len(encoder) in (1, 2):
        return dict(zip(("name", "weights"), encoder, strict=False))
    raise ConfigError(
        f"encoder={encoder!r}; allowed: a name, a name and a file or folder of "
        "weights, or dict(name=..., weights=..., frozen=...); names: "
        f"{', '.join(encoder_names())}"
    )


def _of_file(name: str) -> Encoder:
    folder = config_folders()[0] / "_base_" / "models"
    content = Config.fromfile(str(folder / FILES[name]))
    model = content.model.to_dict()
    parts = {k: model[k] for k in ("backbone", "neck", "decode_head") if k in model}
    prepared = model["data_preprocessor"]
    return Encoder(name, parts, {key: prepared[key] for key in NORMALISATION})


def _of_library(name: str) -> Encoder:
    config = ENCODERS[name]
    backbone = {
        "type": "TransformersBackbone",
        "arch": name,
        "weights": default_weights(name),
    }
    width = config.get("hidden_size")
    patch = encoder_patch(name)
    head = _pyramid_head(config) if width is None else _dpt_head(width)
    return Encoder(
        name,
        {"backbone": backbone, "decode_head": head},
        {**IMAGENET, "bgr_to_rgb": True},
        patch,
        OTHER_RATES if patch is None else TRANSFORMER_RATES,
    )


def default_weights(name: str) -> str:
    """Where the weights of an encoder are looked for unless others are named.

    Args:
        name: A name of ``ENCODERS``.

    Returns:
        DINOv2: Meta's file in ``pretrained``; DINOv3: the name on the Hugging Face hub,
        of which the machine may have a copy.
    """
    family, _, size = name.partition("-")
    if family == "dinov3":
        return f"facebook/{name}-pretrain-lvd1689m"
    size, _, registers = size.partition("-")
    inside = "_reg4" if registers else ""
    return f"pretrained/dinov2_vit{size[0]}14{inside}_pretrain.pth"


def _dpt_head(width: int) -> dict[str, Any]:
    channels, out_channels = DPT_SIZES[width]
    return {
        "type": "UniMatchDPTHead",
        "in_channels": width,
        "channels": channels,
        "out_channels": list(out_channels),
    }


def _pyramid_head(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "UPerHead",
        "in_channels": list(config["hidden_sizes"]),
        "in_index": [0, 1, 2, 3],
        "pool_scales": (1, 2, 3, 6),
        "channels": 512,
        "dropout_ratio": 0.1,
        "norm_cfg": {"type": "SyncBN", "requires_grad": True},
        "align_corners": False,
    }
