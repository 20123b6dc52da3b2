"""Backbones of the library transformers: DINOv2, DINOv3 and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from mmengine.model import BaseModule
from mmseg.registry import MODELS
from torch import Tensor

from .dinov2_names import from_original, is_original, to_original
from .dinov2_positions import OriginalPositions
from .encoder_configs import default_outputs
from .encoder_weights import encoder_config, library, load_weights

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}


@MODELS.register_module()
class TransformersBackbone(BaseModule):
    """An encoder of ``transformers`` that gives feature maps.

    Transformers give the patch tokens of some of their blocks, each after the final
    norm, without the class token and registers. DINOv3's ConvNeXt gives its stages.
    Images have RGB order, ImageNet's mean and standard deviation, and sides that are
    multiples of the patch size. The learning rate of the encoder is that of
    ``paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=...)))``.

    ``pip install 'mmseg-semisup[encoders]'`` installs the library. The names of
    parameters in checkpoints are those of its installed version.

    Args:
        arch: A name: 'dinov2-' with 'small', 'base', 'large' or 'giant', also followed
            by '-registers'; 'dinov3-' with 'vits16', 'vits16plus', 'vitb16', 'vitl16',
            'vith16plus' or 'convnext-tiny' to 'convnext-large'. Or a folder with a
            ``config.json``, a name on the Hugging Face hub, or the configuration itself
            with its ``model_type``.
        weights: Pretrained weights, which ``init_weights`` loads: a file
            (``.safetensors`` or one of torch.save, also an original DINOv2 file), or a
            folder or name on the hub with ``model.safetensors``. None: random.
        out_indices: Indices of the blocks or stages of the returned maps, from 0 and
            ascending. None: the four that DPT reads.
        frozen: Whether the weights are fixed; the encoder is then always in evaluation
            mode, and the teacher shares it with the student.
        with_cp: Whether to compute activations again in the backward pass, which saves
            memory and takes time.
        precision: 'float32' leaves the precision to the optimizer wrapper; 'bfloat16'
            is that of the encoder alone. The returned maps are float32 then.
        position_offset: Patches added before the scale of DINOv2's position embeddings
            is computed, as in the original code; 0: scale to the exact size, as
            transformers does. Images of the size of pre-training (518) do not need it.
        download: Whether missing files may be downloaded from the hub.

    Raises:
        ValueError: If transformers is not installed, or an argument is not allowed.
    """

    frozen: bool
    _is_init: bool

    def __init__(
        self,
        arch: str | Mapping[str, Any],
        weights: str | None = None,
        out_indices: Sequence[int] | None = None,
        frozen: bool = False,
        with_cp: bool = False,
        precision: str = "float32",
        position_offset: float = 0.1,
        download: bool = False,
    ) -> None:
        super().__init__()
        if precision not in PRECISIONS:
            raise ValueError(
                f"TransformersBackbone: precision={precision!r}; allowed: "
                f"{list(PRECISIONS)}"
            )
        if frozen and with_cp:
            raise ValueError(
                "TransformersBackbone: with_cp=True has no effect with frozen=True, "
                "because a frozen encoder has no backward pass"
            )
        config = encoder_config(arch, download)
        # The first name is that of the input of the first block.
        stages = len(config.stage_names) - 1
        self.out_indices = tuple(
            default_outputs(stages) if out_indices is None else out_indices
        )
        allowed = set(range(stages))
        ascending = sorted(set(self.out_indices))
        if (
            not ascending
            or list(self.out_indices) != ascending
            or (set(ascending) - allowed)
        ):
            raise ValueError(
                f"TransformersBackbone: out_indices={self.out_indices}; allowed: "
                f"ascending, 0 to {stages - 1}"
            )
        config.out_indices = [index + 1 for index in self.out_indices]
        self.patch_size = _patch_size(config)
        for name in ("apply_layernorm", "reshape_hidden_states"):
            if hasattr(config, name):
                setattr(config, name, True)
        self.weights = weights
        self.frozen = frozen
        self.precision = precision
        self.download = download
        self.encoder = library().AutoBackbone.from_config(config)
        self.out_channels = tuple(self.encoder.channels)
        if config.model_type == "dinov2":
            embeddings = self.encoder.embeddings
            embeddings.interpolate_pos_encoding = OriginalPositions(
                embeddings, position_offset
            )
        if with_cp:
            if not self.encoder.supports_gradient_checkpointing:
                raise ValueError(
                    f"TransformersBackbone: with_cp=True, but {config.model_type} "
                    "cannot compute activations again"
                )
            self.encoder.gradient_checkpointing_enable({"use_reentrant": False})
        for name, parameter in self.encoder.named_parameters():
            # Only pre-training masks patches; a distributed wrapper would wait for it.
            if frozen or name.endswith("mask_token"):
                parameter.requires_grad_(False)
        self._register_load_state_dict_pre_hook(self.adapt_state)
        self.train()

    def adapt_state(
        self, state_dict: dict[str, Any], prefix: str = "", *_: object
    ) -> None:
        """Rename DINOv2's parameters of original files and of older versions.

        Args:
            state_dict: Changed in place.
            prefix: Prefix of all names.
        """
        own = list(self.encoder.state_dict())
        inside = f"{prefix}encoder."
        complete = all(inside + name in state_dict for name in own)
        if complete or not self.encoder.config.model_type.startswith("dinov2"):
            return
        given = {k[len(prefix) :]: k for k in state_dict if k.startswith(prefix)}
        values = {name: state_dict[key] for name, key in given.items()}
        if not is_original(values):
            encoder = "encoder."
            values = {k.removeprefix(encoder): v for k, v in values.items()}
            values = to_original(values)
        for key in given.values():
            del state_dict[key]
        for name, value in from_original(values, own).items():
            state_dict[inside + name] = value

    def init_weights(self) -> None:
        """Load the weights once; random ones stay as transformers drew them."""
        if not self._is_init and self.weights is not None:
            load_weights(self.encoder, self.weights, self.download)
        self._is_init = True

    def train(self, mode: bool = True) -> TransformersBackbone:
        """Set the mode; a frozen encoder stays in evaluation mode."""
        super().train(mode and not self.frozen)
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Encode images.

        Args:
            x: (N, 3, H, W), float, normalised.

        Returns:
            A map for each of ``out_indices``, (N, D, H / patch, W / patch); ConvNeXt:
            (N, D_i, H / stride_i, W / stride_i).

        Raises:
            ValueError: If a side is no multiple of the patch size.
        """
        self._check_size(x)
        dtype = PRECISIONS[self.precision]
        reduced = (
            nullcontext() if dtype is None else torch.autocast(x.device.type, dtype)
        )
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            with reduced:
                maps = self.encoder(x).feature_maps
            return tuple(m if dtype is None else m.float() for m in maps)

    def _check_size(self, x: Tensor) -> None:
        size, patch = tuple(x.shape[-2:]), self.patch_size
        if patch is None or not any(s % p for s, p in zip(size, patch, strict=True)):
            return
        near = [_multiples(s, p) for s, p in zip(size, patch, strict=True)]
        below, above = ((near[0][i], near[1][i]) for i in (0, 1))
        sizes = f"{above}" if 0 in below else f"{below} or {above}"
        raise ValueError(
            f"TransformersBackbone: images of {size} pixels are no multiple of the "
            f"patch of {patch}; for training set crop_size and data_preprocessor.size "
            f"to {sizes}, for tests add "
            f"dict(type='ResizeToNearestMultiple', divisor={patch[0]}) to the "
            f"pipeline, or test_cfg=dict(size_divisor={patch[0]}) to data_preprocessor"
        )


def _patch_size(config: Any) -> tuple[int, int] | None:
    """Rows and columns of a patch; None where the library pads by itself."""
    # These reshape tokens to maps and cut off what is left of the image.
    if not hasattr(config, "reshape_hidden_states") and config.model_type != "vitdet":
        return None
    patch = config.patch_size
    return (patch, patch) if isinstance(patch, int) else tuple(patch)


def _multiples(size: int, patch: int) -> tuple[int, int]:
    below = size // patch * patch
    return below, below if below == size else below + patch
