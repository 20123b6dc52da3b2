"""The optional packages that write and run ONNX files."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from mmseg_semisup.core.errors import ConfigError

PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def onnx_packages() -> dict[str, ModuleType]:
    """The packages that write and run ONNX files.

    Raises:
        ConfigError: If one is not installed; the message says how to get it.
    """
    found = {}
    for name in PACKAGES:
        try:
            found[name] = import_module(name)
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"--onnx needs the Python package {error.name}, which is not "
                "installed; run `pip install 'mmseg-semisup[onnx]'`"
            ) from error
    return found
