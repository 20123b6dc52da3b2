from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from reported_runs import run_writer


@pytest.fixture
def make_run(tmp_path) -> Callable[..., Path]:
    """Writes a work-dir as a training leaves it, and returns it."""
    return run_writer(tmp_path)
