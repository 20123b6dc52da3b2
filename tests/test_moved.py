"""Names that modules had are still found."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import mmseg_semisup
from mmseg_semisup.moved import MOVED, PACKAGES, ROOT, MovedFinder, homes

NAMES = {
    "engine.checkpoint": ("CheckpointError", "load_checkpoint_file"),
    "engine.config": ("ConfigError", "find_config", "load_config"),
    "engine.find_checkpoint": ("find_whole_checkpoint",),
    "engine.launch": ("run_tool", "build_runner", "set_checkpoint"),
    "engine.numbers": ("ADVICE", "NumbersWatch"),
    "engine.stages.plan": ("split_stages",),
    "engine.benchmark.run": ("benchmark",),
    "models.segmentors.seg_output": ("SegOutput", "last_head"),
    "pseudo_masks.store": ("Store", "StoreError"),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_module_has_its_names_at_its_former_place(name):
    sys.modules.pop(ROOT + name, None)
    with pytest.warns(DeprecationWarning, match=f"{name} is {ROOT}.* now"):
        module = importlib.import_module(ROOT + name)
    for key in NAMES[name]:
        kept = {
            getattr(importlib.import_module(h), key, None) for h in homes(ROOT + name)
        }
        assert getattr(module, key) in kept - {None}


@pytest.mark.parametrize("name", [*MOVED, *PACKAGES])
def test_what_moved_is_no_longer_there_and_its_homes_are(name):
    found = homes(ROOT + name)
    assert found
    for home in found:
        assert importlib.util.find_spec(home) is not None
    path = Path(mmseg_semisup.__file__).parent.joinpath(*name.split("."))
    assert not path.exists()
    assert not path.with_suffix(".py").exists()


@pytest.mark.parametrize(
    "name", ["mmseg_semisup.engine.nothing", "engine.checkpoint", "other.engine.stages"]
)
def test_other_names_are_not_found(name):
    assert MovedFinder().find_spec(name) is None
    assert not homes(name)


@pytest.mark.slow
def test_nothing_is_imported_before_it_is_asked_for():
    code = (
        "import sys, mmseg_semisup; "
        "assert 'mmseg_semisup.engine.launch' not in sys.modules; "
        "from mmseg_semisup.engine.launch import run_tool"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
