"""Fixtures of the tests of models."""

from __future__ import annotations

import pytest
import torch

from mmseg_semisup.models.data_preprocessor import SemiDataPreprocessor


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
    monkeypatch.setattr(SemiDataPreprocessor, "device", torch.device("cuda"))
    monkeypatch.setattr(torch.Tensor, "to", to_device)
    monkeypatch.setattr(torch.Tensor, "is_pinned", lambda _: False)
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda tensor: tensor)
    return found
