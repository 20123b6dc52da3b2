"""The examples in docstrings give what they say, and every loss has one."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

from mmseg_semisup.models import losses

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in (ROOT / "mmseg_semisup").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8") and ".mim" not in path.parts
)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0, "see the output above"


@pytest.mark.parametrize("name", losses.__all__)
def test_every_public_loss_has_an_example(name):
    assert ">>> " in (getattr(losses, name).__doc__ or "")
