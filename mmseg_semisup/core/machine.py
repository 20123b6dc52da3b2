"""Describes the machine, the versions and the commit of a run."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

import torch

from mmseg_semisup.version import __version__

from .config import PACKAGE_FOLDER
from .cpu import available_cores

PACKAGES = ("torch", "mmcv", "mmengine", "mmseg", "numpy")


@lru_cache
def describe_machine() -> str:
    """Processor, cores and GPU, without the name of the machine."""
    parts = [f"{available_cores()} cores of {_processor()}"]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name(0))
    return ", ".join(parts)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()


@lru_cache
def package_versions() -> dict[str, str]:
    """Versions of the packages that a result may depend on."""
    found = {"mmseg_semisup": __version__, "python": platform.python_version()}
    owners = packages_distributions()
    for name in PACKAGES:
        for distribution in dict.fromkeys(owners.get(name, [])):
            try:
                found[distribution] = version(distribution)
            except PackageNotFoundError:
                continue
    return found


def project_commit() -> str | None:
    """Commit of the project's clone, with '+' if files differ from it; None: no clone.

    A folder that git does not know, as that of an installed package, has none.
    """
    root = PACKAGE_FOLDER.parent
    if not (root / ".git").exists():
        return None
    commit = _git(root, "rev-parse", "--short=7", "HEAD")
    if commit is None:
        return None
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return commit + ("+" if changed else "")


def _git(root: Path, *arguments: str) -> str | None:
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(  # noqa: S603, the arguments are our own
            ["git", "-C", str(root), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
