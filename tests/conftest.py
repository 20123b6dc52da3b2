"""Makes the shared helpers importable, and every test repeatable."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from mmengine.registry import init_default_scope  # noqa: E402

import mmseg_semisup  # noqa: E402, F401


@pytest.fixture(autouse=True)
def _repeatable():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    init_default_scope("mmseg")
