"""Configurations and weights of encoders, from local files unless more is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.records import RecordError, read_record
from mmseg_semisup.core.text import suggest

from .dinov2_names import from_original, is_original
from .encoder_configs import ENCODERS

INSIDE = ("state_dict", "model_ema", "model", "teacher")
"""Keys under which files of trainings have the weights, the preferred one first."""
_PREFIXES = ("module.", "backbone.")
FILES = (".pth", ".pt", ".bin", ".safetensors")
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def library() -> ModuleType:
    """The package transformers.

    Raises:
        ValueError: If it is not installed; the message says how to get it.
    """
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise ValueError(
            "TransformersBackbone needs the Python package transformers, which is not "
            "installed; run `pip install 'mmseg-semisup[encoders]'`"
        ) from error
    return transformers


def encoder_config(arch: str | Mapping[str, Any], download: bool) -> Any:
    """The configuration of an encoder, an object of transformers.

    Args:
        arch: A name of ``ENCODERS``, a folder with ``config.json``, a name on the
            Hugging Face hub, or the configuration itself with ``model_type``.
        download: Whether a missing file may be downloaded.

    Raises:
        ValueError: If there is no such configuration, or it is of no backbone.
    """
    auto = library().models.auto
    found = dict(ENCODERS[arch]) if isinstance(arch, str) and arch in ENCODERS else arch
    if isinstance(found, str):
        file = find_file(found, "config.json", download, "arch")
        try:
            found = read_record(file, {"model_type": str})
        except RecordError as error:
            raise ValueError(
                f"TransformersBackbone: {file} is no configuration: {error}"
            ) from error
    values = dict(found)
    kind = values.pop("model_type", None)
    kinds = sorted(set(auto.modeling_auto.MODEL_FOR_BACKBONE_MAPPING_NAMES))
    kinds = [name for name in kinds if name != "timm_backbone"]
    if kind not in kinds:
        raise ValueError(
            f"TransformersBackbone: model_type={kind!r} gives no feature maps; "
            f"{suggest(str(kind), kinds)}allowed: {kinds}"
        )
    return auto.configuration_auto.CONFIG_MAPPING[kind].from_dict(values)


def load_weights(model: Any, weights: str, download: bool) -> None:
    """Load the weights of a transformers backbone, or nothing if they do not fit.

    Args:
        model: The backbone; it is changed in place.
        weights: A file (``.safetensors`` or one of torch.save), a folder or a name on
            the hub with ``model.safetensors``. Names of the parameters are those of
            transformers or those of the original DINOv2 files.
        download: Whether a missing file may be downloaded.

    Raises:
        ValueError: If parameters are missing, or have another shape.
    """
    file = Path(weights).expanduser()
    if not file.is_file():
        file = find_file(weights, "model.safetensors", download, "weights")
    state = without_prefix(read_state(file))
    if is_original(state):
        # Names that the installed version gives to the parameters.
        state = from_original(state, model.state_dict())
    with quiet():
        # It knows the names of all earlier versions of the library.
        loaded, info = type(model).from_pretrained(
            None,
            config=model.config,
            state_dict=state,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
        )
    _check(info, file)
    model.load_state_dict(loaded.state_dict())


def read_state(file: Path) -> dict[str, Tensor]:
    """Read the tensors of a file, without executing anything in it.

    Args:
        file: ``.safetensors``, or a file of torch.save.
    """
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    content = load_checkpoint_file(file)
    for key in INSIDE:
        if isinstance(content.get(key), dict):
            content = content[key]
    return {k: v for k, v in content.items() if isinstance(v, Tensor)}


def without_prefix(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The backbone's part of a state, with the names that the backbone has by itself.

    Args:
        state: Name to tensor, of a backbone, or of a network with ``backbone.``, also
            within ``module.``, as distributed trainings save it.
    """
    result = dict(state)
    for prefix in _PREFIXES:
        inside = {
            k[len(prefix) :]: v for k, v in result.items() if k.startswith(prefix)
        }
        result = inside or result
    return result


def find_file(place: str, name: str, download: bool, argument: str) -> Path:
    """Find a file of a folder or of a name on the hub.

    Args:
        place: The folder or the name.
        name: Name of the file.
        download: Whether it may be downloaded.
        argument: The argument that names the place, for messages.

    Raises:
        ValueError: If it is not there; nothing is downloaded without permission.
    """
    folder = Path(place).expanduser()
    if folder.is_dir():
        if (folder / name).is_file():
            return folder / name
        raise ValueError(f"TransformersBackbone: the folder {place} has no {name}")
    where = f"TransformersBackbone: {argument}={place!r}"
    if not _HUB_NAME.fullmatch(place) or Path(place).suffix in FILES:
        raise ValueError(
            f"{where}: there is no such file or folder{_nearest_arch(place, argument)}"
        )
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(place, name, local_files_only=not download))
    except Exception as error:
        if download:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{where}: {name} was not downloaded: {reason}") from error
        raise ValueError(
            f"{where}: there is no such folder, and no copy of it on this machine; "
            "nothing is downloaded without download=True"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers from printing reports and progress bars."""
    logging = library().logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def _check(info: Mapping[str, Any], file: Path) -> None:
    other = [f"{n} {tuple(a)} for {tuple(b)}" for n, a, b in info["mismatched_keys"]]
    if other:
        raise ValueError(
            f"the weights of {file} have another size than the encoder: "
            f"{_some(sorted(other))}; set the arch of these weights"
        )
    missing = [n for n in info["missing_keys"] if not n.endswith("mask_token")]
    if missing:
        raise ValueError(
            f"{file} lacks parameters of the encoder: {_some(sorted(missing))}; are "
            "these weights of another arch?"
        )


def _nearest_arch(place: str, argument: str) -> str:
    if argument != "arch":
        return "; docs/encoders.md says where weights come from"
    return f"; {suggest(place, ENCODERS)}names: {list(ENCODERS)}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
