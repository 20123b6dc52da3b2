"""A count that the host reads without asking the device, and that survives a resume."""

from __future__ import annotations

import torch
import torch.nn as nn
from torch import Tensor


class Counter(nn.Module):
    """An integer that travels in the ``state_dict`` and never lives on the device."""

    def __init__(self) -> None:
        super().__init__()
        self.value = 0

    def get_extra_state(self) -> Tensor:
        """The count as a tensor: mmengine's checkpoints call ``.cpu()`` on it."""
        return torch.tensor(self.value)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore the count."""
        self.value = int(state)
