"""Position embeddings by matrix products equal the interpolated ones."""

from __future__ import annotations

import pytest
import torch

from mmseg_semisup.export.onnx_positions import positions_of_any_grid
from mmseg_semisup.models.backbones.dinov2_positions import resized_positions


@pytest.mark.parametrize("offset", [0.0, 0.1])
@pytest.mark.parametrize("grid", [(5, 5), (7, 5), (5, 4), (1, 12), (3, 2)])
def test_equal(grid, offset):
    generator = torch.Generator().manual_seed(0)
    positions = torch.randn(1, 26, 6, generator=generator)
    expected = resized_positions(positions, grid, offset)
    found = positions_of_any_grid(positions, grid, offset)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
