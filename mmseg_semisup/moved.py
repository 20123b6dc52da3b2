"""Modules that stood elsewhere: what imports them there goes on, with a warning.

An import of a name in ``MOVED``, or below one in ``PACKAGES``, gives the public names
of the modules that have its content now. Nothing is imported before somebody asks.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

ROOT = "mmseg_semisup."
PACKAGES = {"engine.benchmark": "benchmark", "engine.stages": "stages"}
MOVED = {
    "datasets.checks.numbers": ("datasets.checks.config",),
    "engine.atomic_io": ("core.errors", "core.atomic_io"),
    "engine.checkpoint": ("core.errors", "core.checkpoint"),
    "engine.config": ("core.errors", "core.config", "cli.config"),
    "engine.export": ("export.plain_model",),
    "engine.find_checkpoint": ("core.find_checkpoint",),
    "engine.job": ("engine.job_record",),
    "engine.launch": (
        "core.atomic_io",
        "engine.runner",
        "engine.resume",
        "cli.launch",
    ),
    "engine.numbers": ("engine.nonfinite",),
    "engine.predict": (
        "core.palette",
        "export.prediction_files",
        "export.predictor",
        "export.folder",
    ),
    "engine.slurm": ("cli.slurm",),
    "engine.together": ("core.distributed",),
    "models.segmentors.fused": ("models.fused_segmentor",),
    "models.segmentors.seg_output": (
        "models.step.decode_heads",
        "models.step.seg_output",
    ),
    "models.segmentors.teacher": ("models.teacher",),
    "pseudo_masks.compare": ("pseudo_masks.pictures",),
    "pseudo_masks.errors": ("core.errors",),
    "pseudo_masks.png": ("core.palette", "core.row_png"),
    "pseudo_masks.samples": ("pseudo_masks.pictures",),
    "pseudo_masks.store": ("core.errors", "datasets.pseudo_mask_store"),
    "visualization.roc": ("evaluation.roc",),
}
"""Former name to the modules of today, without ``mmseg_semisup.``; of a name that
several have, the last one's counts."""


def homes(name: str) -> tuple[str, ...]:
    """Where the content of a module is today.

    Args:
        name: Full name of a module.

    Returns:
        Full names; none, if it has not moved.
    """
    short = name.removeprefix(ROOT)
    if short == name:
        return ()
    for old, new in PACKAGES.items():
        if short == old or short.startswith(f"{old}."):
            return (f"{ROOT}{new}{short[len(old) :]}",)
    return tuple(ROOT + home for home in MOVED.get(short, ()))


class MovedLoader(Loader):
    """Fills a module with the public names of others."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Let Python make it."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Fill it."""
        found = homes(module.__name__)
        warnings.warn(
            f"{module.__name__} is {' and '.join(found)} now",
            DeprecationWarning,
            stacklevel=2,
        )
        for home in map(importlib.import_module, found):
            public = {k: v for k, v in vars(home).items() if not k.startswith("_")}
            vars(module).update(public)


class MovedFinder(MetaPathFinder):
    """Finds modules by the names that they had."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """What Python asks for a module that nobody else knows."""
        found = homes(fullname)
        if not found or importlib.util.find_spec(found[0]) is None:
            return None
        package = fullname.removeprefix(ROOT) in PACKAGES
        return ModuleSpec(fullname, MovedLoader(), is_package=package)


def find_moved_modules() -> None:
    """Let Python find them, behind everything else."""
    if not any(isinstance(finder, MovedFinder) for finder in sys.meta_path):
        sys.meta_path.append(MovedFinder())
