"""The environment check, on dictionaries of versions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mmseg_semisup import compat

ONEDL = {
    "torch": "2.13.0+cpu",
    "onedl-mmengine": "0.10.12",
    "onedl-mmcv": "2.3.6",
    "onedl-mmsegmentation": "1.4.2",
    "opencv-python": "5.0.0.93",
    "cv2": "5.0.0",
}
OPENMMLAB = {
    "torch": "2.13.0",
    "mmengine": "0.10.7",
    "mmcv": "2.1.0",
    "mmsegmentation": "1.2.2",
    "opencv-python-headless": "4.12.0.88",
    "cv2": "4.12.0",
}


def without(versions: dict, *names: str) -> dict:
    return {key: value for key, value in versions.items() if key not in names}


@pytest.mark.parametrize("versions", [ONEDL, OPENMMLAB], ids=["onedl", "openmmlab"])
def test_both_families_are_fine(versions):
    assert compat.find_problems(versions) == []


def test_continued_packages_work_with_mmcv_lite():
    versions = {**without(ONEDL, "onedl-mmcv"), "mmcv-lite": "2.2.0"}
    assert compat.find_problems(versions) == []


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ({**ONEDL, **OPENMMLAB}, ["mmcv 2.1.0", "pip uninstall -y onedl-mmengine"]),
        ({**ONEDL, "mmengine": "0.10.7"}, ["onedl-mmengine 0.10.12", "mmengine 0.10"]),
        ({**OPENMMLAB, "mmcv": "2.2.0"}, ["refuses mmcv 2.2.0", '"mmcv<2.2.0"']),
        (
            {**without(OPENMMLAB, "mmcv"), "onedl-mmcv": "2.3.6"},
            ["refuses onedl-mmcv 2.3.6"],
        ),
        (
            {**without(OPENMMLAB, "mmcv"), "mmcv-lite": "2.1.0"},
            ["compiled operators", "mmcv-lite"],
        ),
        (
            {**without(OPENMMLAB, "mmcv"), "mmcv-full": "1.7.2"},
            ["mmcv-full 1.7.2", "0.x"],
        ),
        ({**ONEDL, "torch": "2.3.1+cu121"}, ["2.3.1+cu121 is too old", "2.4"]),
        (without(ONEDL, "torch"), ["pip install torch"]),
        ({**ONEDL, "onedl-mmengine": "0.10.9"}, ["onedl-mmengine 0.10.9", "0.10.12"]),
        (
            without(ONEDL, "onedl-mmsegmentation"),
            ["mmseg is not installed", "pip install onedl-mmsegmentation"],
        ),
        (without(ONEDL, "cv2", "opencv-python"), ["pip install opencv-python"]),
        (without(ONEDL, "cv2"), ["cannot be loaded", "opencv-python-headless"]),
    ],
)
def test_one_fault_is_named_with_its_cure(versions, words):
    problems = compat.find_problems(versions)
    assert len(problems) == 1
    for word in words:
        assert word in problems[0]


def test_several_faults_are_all_named():
    problems = compat.find_problems({})
    text = " ".join(problems)
    assert len(problems) == 5
    for name in ("PyTorch", "mmengine", "mmcv", "mmseg", "OpenCV"):
        assert name in text


def test_two_digit_releases_are_newer_than_one_digit_ones():
    assert compat.find_problems({**ONEDL, "torch": "2.10.0"}) == []


def test_the_environment_of_the_tests_is_fine():
    assert compat.find_problems(compat.installed_versions()) == []
    compat.check_environment()


def test_a_faulty_environment_raises(monkeypatch):
    monkeypatch.setattr(compat, "installed_versions", lambda: without(ONEDL, "cv2"))
    with pytest.raises(compat.EnvironmentProblemError, match="OpenCV"):
        compat.check_environment()


def test_custom_imports_shows_the_reason():
    # MMEngine replaces the message of every ImportError.
    assert not issubclass(compat.EnvironmentProblemError, ImportError)


@pytest.mark.slow
def test_importing_says_nothing_and_changes_no_settings():
    code = (
        "import torch, mmseg_semisup, os; "
        "from mmengine.logging import HistoryBuffer; "
        "assert HistoryBuffer not in torch.serialization.get_safe_globals(); "
        "assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_names_of_configs_are_known_after_the_import():
    code = (
        "import mmseg_semisup\n"
        "from mmengine.config import Config\n"
        "from mmengine.config.utils import MODULE2PACKAGE\n"
        "name = 'mmseg::_base_/models/segformer_mit-b0.py'\n"
        "path = Config._get_cfg_path(name, '')[0]\n"
        "assert Config.fromfile(path).model.backbone.type == 'MixVisionTransformer'\n"
        "assert MODULE2PACKAGE['mmseg_semisup'] == 'mmseg_semisup'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 0
