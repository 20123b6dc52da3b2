"""A counter on the host that is stored in checkpoints."""

from __future__ import annotations

import torch
import torch.nn as nn
from torch import Tensor


class Counter(nn.Module):
    """An integer in the ``state_dict`` that is never on the device."""

    def __init__(self) -> None:
        super().__init__()
        self.value = 0

    def get_extra_state(self) -> Tensor:
        """The count as a tensor, because mmengine's checkpoints call ``.cpu()``."""
        return torch.tensor(self.value)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore the count."""
        self.value = int(state)
