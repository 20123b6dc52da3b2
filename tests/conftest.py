"""Makes every test repeatable, whatever ran before it in the same process."""

from __future__ import annotations

import gc
import os
import random
import weakref

import mmcv
import numpy as np
import pytest
import tiny_configs
import torch
import torch._dynamo  # The first optimizer would import it.
from helpers import forget_runs
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as readers
from mmengine.runner import runner as runners
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter
from yapf.yapflib import yapf_api

from mmseg_semisup.core import checkpoint
from mmseg_semisup.core.checkpoint import use_safe_checkpoints
from mmseg_semisup.engine.preemption import requests

# A process that runs hundreds of tests would keep the most that each size ever needed.
os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(2**17))
# Tests fork, and a forked process would wait for OpenMP's threads, which it has not.
torch.set_num_threads(1)

# Either takes longer than a tiny training: one formats texts of configs, the other asks
# for compilers.
FORMAT = yapf_api.FormatCode
yapf_api.FormatCode = lambda text, **_: (text, True)
runners.collect_env = dict


_loaders: weakref.WeakSet[_MultiProcessingDataLoaderIter] = weakref.WeakSet()


class _Noted(_MultiProcessingDataLoaderIter):
    """Torch's iterator with workers, which the tests end."""

    def __init__(self, loader):
        super().__init__(loader)
        _loaders.add(self)


torch.utils.data.dataloader._MultiProcessingDataLoaderIter = _Noted


LONGEST = {
    "test_all_configs.py",
    "test_golden.py",
    "test_onnx_file.py",
    "test_resume.py",
    "test_soak.py",
    "test_state.py",
    "test_tutorials.py",
}
"""Files of a minute and more: begun last, they would end alone."""


def pytest_collection_modifyitems(config, items):
    """Where processes share the files, begin with those that hold slow tests.

    The processes know a test by its name, in which an address would differ.
    """
    for item in items:
        if " at 0x" in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} needs a name without an address")
    if hasattr(config, "workerinput"):
        items.sort(key=_place)


def _place(item):
    return item.get_closest_marker("slow") is None, item.path.name not in LONGEST


@pytest.fixture(autouse=True, scope="module")
def _short_collections():
    """Leave out of garbage collections what has come to stay.

    MMEngine collects whenever it builds a data set, which took half of the time of
    tests that train.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _repeatable():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    init_default_scope("mmseg")
    forget_runs()
    yield
    # A training that an error ended outside of a tool still listens for signals.
    requests.uninstall()
    for loader in list(_loaders):
        # A garbage collection would wait five seconds for each worker.
        loader._shutdown_workers()


@pytest.fixture
def formatted_configs(monkeypatch):
    """Format the texts of configs, as outside of tests."""
    monkeypatch.setattr(yapf_api, "FormatCode", FORMAT)


@pytest.fixture
def restored_readers(monkeypatch):
    """Undo what ``use_safe_checkpoints`` changes in this process."""
    monkeypatch.setattr(CheckpointLoader, "_schemes", dict(CheckpointLoader._schemes))
    monkeypatch.setattr(readers, "load_from_http", readers.load_from_http)
    monkeypatch.setattr(checkpoint, "_trusting", False)
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "0")
    before = torch.serialization.get_safe_globals()
    yield
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals(before)


@pytest.fixture
def safe_checkpoints(restored_readers):
    """Read checkpoints as the tools do; OpenMMLab's MMEngine cannot read its own."""
    use_safe_checkpoints()


CLASSES = ("a", "b", "c")
LABELED = ("000", "001", "002")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Eight images of 40x48 pixels; three have masks of three classes."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for i in range(8):
        name = f"{i:03d}"
        image = rng.integers(0, 256, (40, 48, 3), dtype=np.uint8)
        mmcv.imwrite(image, str(root / f"img/{name}.jpg"))
        if name in LABELED:
            mask = rng.integers(0, len(CLASSES), (40, 48), dtype=np.uint8)
            mask[:4] = 255
            mmcv.imwrite(mask, str(root / f"ann/{name}.png"))
    (root / "labeled.txt").write_text("\n".join(LABELED))
    return root


@pytest.fixture(scope="session")
def tiny_images(tmp_path_factory):
    """Images and masks on which shipped configs are trained."""
    return tiny_configs.write_images(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def copies(monkeypatch):
    """Copies to a device that is none: type, shape and whether the host waits."""
    to, found = torch.Tensor.to, []

    def to_device(tensor, target, non_blocking=False):
        if isinstance(target, torch.dtype):
            return to(tensor, target)
        found.append((tensor.dtype, tuple(tensor.shape), non_blocking))
        return tensor

    for name in ("empty", "full"):
        make = getattr(torch, name)
        monkeypatch.setattr(
            torch,
            name,
            lambda *args, make=make, pin_memory=False, **kw: make(*args, **kw),
        )
    monkeypatch.setattr(torch.Tensor, "to", to_device)
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda _: False)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    return found
