"""Which packages the environment needs, and what differs between the two families.

MMEngine, MMCV and MMSegmentation exist twice under the same import names: as
OpenMMLab's own releases and as their maintained continuation (``onedl-*``). Both work,
but not installed together. All code that depends on the difference is in this module.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from mmengine.runner import IterBasedTrainLoop

TORCH_MINIMUM = "2.4"
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python")
DISTRIBUTIONS = {
    "mmengine": ("onedl-mmengine", "mmengine", "mmengine-lite"),
    "mmcv": ("onedl-mmcv", "mmcv", "mmcv-lite", "mmcv-full"),
    "mmseg": ("onedl-mmsegmentation", "mmsegmentation"),
}
"""The distributions that install each import name; the first is recommended."""

MINIMUM = {
    "onedl-mmengine": "0.10.12",
    "onedl-mmcv": "2.3.6",
    "onedl-mmsegmentation": "1.4.2",
    "mmengine": "0.10.7",
    "mmengine-lite": "0.10.7",
    "mmcv": "2.0.0",
    "mmcv-lite": "2.0.0",
    "mmsegmentation": "1.2.2",
}
MMCV_LIMIT = "2.2.0"
"""OpenMMLab's MMSegmentation refuses this version of MMCV and newer ones."""


class EnvironmentProblemError(RuntimeError):
    """The installed packages cannot work together.

    It is no ``ImportError``, because MMEngine replaces the message of those that are
    raised while it follows ``custom_imports``.
    """


def load_scikit_learn(module: str, user: str) -> ModuleType:
    """Import a part of scikit-learn when it is needed: it takes a second.

    Args:
        module: Name below ``sklearn``.
        user: Name of the caller, for the message.

    Raises:
        ValueError: If it is missing, as after ``pip install --no-deps``.
    """
    try:
        return importlib.import_module(f"sklearn.{module}")
    except ImportError as error:
        raise ValueError(
            f"{user} needs scikit-learn: pip install scikit-learn ({error})"
        ) from error


def installed_versions() -> dict[str, str]:
    """Look up every distribution that the environment check knows.

    Returns:
        Versions by distribution name, without those that are not installed. The key
        ``cv2`` is present if OpenCV can be imported, whichever distribution brought it.
    """
    names = ["torch", *OPENCV]
    names += [name for group in DISTRIBUTIONS.values() for name in group]
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    with contextlib.suppress(ImportError):
        found["cv2"] = importlib.import_module("cv2").__version__
    return found


def find_problems(versions: Mapping[str, str]) -> list[str]:
    """Name everything that keeps the package from working.

    Args:
        versions: Versions by distribution name, as :func:`installed_versions` returns
            them.

    Returns:
        One sentence for each problem, with the command that solves it. Empty if the
        environment is fine.
    """
    problems = _torch_problems(versions)
    doubled = [
        name
        for names in DISTRIBUTIONS.values()
        if len(installed := [name for name in names if name in versions]) > 1
        for name in installed
    ]
    if doubled:
        recommended = [names[0] for names in DISTRIBUTIONS.values()]
        listed = ", ".join(f"{name} {versions[name]}" for name in doubled)
        present = [n for group in DISTRIBUTIONS.values() for n in group]
        removed = " ".join(name for name in present if name in versions)
        problems.append(
            f"Packages that overwrite each other's files are installed together: "
            f"{listed}. Keep one family: pip uninstall -y {removed} && "
            f"pip install {' '.join(recommended)}"
        )
    else:
        problems += _missing_or_old(versions) + _mmcv_problems(versions)
    return problems + _opencv_problems(versions)


def check_environment() -> None:
    """Check the installed packages.

    Raises:
        EnvironmentProblemError: If something is missing, too old, or installed twice.
    """
    problems = find_problems(installed_versions())
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise EnvironmentProblemError(
            f"mmseg_semisup cannot work with the installed packages:\n{listed}"
        )


def map_package_names() -> None:
    """Let MMEngine find configs named ``mmseg::...`` and ``mmseg_semisup::...``.

    It knows MMSegmentation under the name of OpenMMLab's own release only.
    """
    from mmengine.config.utils import MODULE2PACKAGE

    MODULE2PACKAGE["mmseg_semisup"] = "mmseg_semisup"
    for name in DISTRIBUTIONS["mmseg"]:
        with contextlib.suppress(PackageNotFoundError):
            version(name)
            MODULE2PACKAGE["mmseg"] = name
            return


def import_quietly() -> None:
    """Import MMCV and MMSegmentation without their notes about unused parts.

    The continuation tells at every start that a compiled operator and a cloud
    service's data set are absent.
    """
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.filterwarnings("ignore", message="Fail to import ``MultiScale")
        importlib.import_module("mmseg.models")
        importlib.import_module("mmseg.datasets")


def _torch_problems(versions: Mapping[str, str]) -> list[str]:
    if "torch" not in versions:
        return ["PyTorch is not installed: pip install torch==2.13.0"]
    if _numbers(versions["torch"]) < _numbers(TORCH_MINIMUM):
        return [
            f"PyTorch {versions['torch']} is too old; {TORCH_MINIMUM} or newer is "
            f"needed: pip install torch==2.13.0"
        ]
    return []


def _missing_or_old(versions: Mapping[str, str]) -> list[str]:
    problems = []
    for module, names in DISTRIBUTIONS.items():
        installed = next((name for name in names if name in versions), None)
        if installed is None:
            problems.append(
                f"The module {module} is not installed: pip install {names[0]}"
            )
        elif _numbers(versions[installed]) < _numbers(MINIMUM.get(installed, "0")):
            problems.append(
                f"{installed} {versions[installed]} is too old; {MINIMUM[installed]} "
                f'or newer is needed: pip install "{installed}>={MINIMUM[installed]}"'
            )
    return problems


def _mmcv_problems(versions: Mapping[str, str]) -> list[str]:
    installed = next((n for n in DISTRIBUTIONS["mmcv"] if n in versions), None)
    if installed == "mmcv-full":
        return [
            f"mmcv-full {versions[installed]} belongs to MMSegmentation 0.x: "
            f"pip uninstall -y mmcv-full && pip install onedl-mmcv"
        ]
    if installed is None or "mmsegmentation" not in versions:
        return []
    if _numbers(versions[installed]) >= _numbers(MMCV_LIMIT):
        return [
            f"mmsegmentation {versions['mmsegmentation']} refuses {installed} "
            f"{versions[installed]}; it works with mmcv below {MMCV_LIMIT}: "
            f'pip uninstall -y {installed} && pip install "mmcv<{MMCV_LIMIT}"'
        ]
    if installed == "mmcv-lite":
        return [
            "mmsegmentation needs the compiled operators that mmcv-lite leaves out: "
            f'pip uninstall -y mmcv-lite && pip install "mmcv<{MMCV_LIMIT}"'
        ]
    return []


def _opencv_problems(versions: Mapping[str, str]) -> list[str]:
    if "cv2" in versions:
        return []
    installed = [name for name in OPENCV if name in versions]
    if installed:
        return [
            f"OpenCV is installed but cannot be loaded, often because a server lacks "
            f"graphics libraries: pip uninstall -y {' '.join(installed)} && "
            f"pip install opencv-python-headless"
        ]
    return ["OpenCV is not installed: pip install opencv-python"]


def _numbers(text: str) -> tuple[int, ...]:
    """Read the release of a version: '2.13.0+cpu' is (2, 13, 0)."""
    release = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in release.group().split(".")) if release else ()


def start_data(loop: IterBasedTrainLoop) -> None:
    """Start a training loop's data at its iteration, without reading earlier batches.

    The continuation's loop does that itself. OpenMMLab's loop starts its workers before
    a checkpoint is loaded, and then reads all earlier batches.

    Args:
        loop: A loop that has not run yet; loops in epochs are left alone.
    """
    iterator = getattr(loop, "dataloader_iterator", None)
    if iterator is None or hasattr(iterator, "skip_iter"):
        return
    loader = loop.dataloader
    sampler: Any = getattr(loader, "sampler", None)
    if hasattr(sampler, "skip") and loader.batch_size is not None:
        sampler.skip(loop.iter * loader.batch_size)
        iterator._iterator = iter(loader)
        loop.dataloader_iterator = _Resumed(iterator, loop.iter)


class _Resumed:
    """Yields None for the ``past`` batches that OpenMMLab's loop skips, then data."""

    def __init__(self, iterator: Iterator[object], past: int) -> None:
        self.iterator = iterator
        self.past = past

    def __iter__(self) -> Iterator[object]:
        return self

    def __next__(self) -> object:
        if self.past > 0:
            self.past -= 1
            return None
        return next(self.iterator)
