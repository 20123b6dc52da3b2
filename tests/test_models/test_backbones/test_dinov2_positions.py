import numpy as np
import pytest
import torch

from mmseg_semisup.models.backbones.dinov2_positions import resized_positions


def cubic(x):
    """The kernel of bicubic interpolation with a = -0.75, as torch has it."""
    x, a = np.abs(x), -0.75
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


def resize_axis(values, count, scale):
    """Interpolate along the first axis; sample i is at (i + 0.5) / scale - 0.5."""
    side = len(values)
    result = []
    for i in range(count):
        at = (i + 0.5) / scale - 0.5
        low = int(np.floor(at)) - 1
        taps = np.arange(low, low + 4)
        weights = cubic(at - taps)
        picked = values[np.clip(taps, 0, side - 1)]
        result.append(np.tensordot(weights, picked, axes=(0, 0)))
    return np.stack(result)


@pytest.mark.parametrize("offset", [0, 0.1])
@pytest.mark.parametrize("grid", [(3, 4), (7, 6), (5, 9)])
def test_positions_are_those_of_the_definition(grid, offset):
    torch.manual_seed(0)
    positions = torch.randn(1, 26, 3)
    maps = positions[0, 1:].reshape(5, 5, 3).double().numpy()
    rows = resize_axis(maps, grid[0], (grid[0] + offset) / 5)
    both = resize_axis(rows.swapaxes(0, 1), grid[1], (grid[1] + offset) / 5)
    expected = both.swapaxes(0, 1).reshape(-1, 3)
    resized = resized_positions(positions, grid, offset)
    assert torch.equal(resized[:, 0], positions[:, 0])
    np.testing.assert_allclose(resized[0, 1:].numpy(), expected, atol=1e-5)


def test_the_size_of_pre_training_changes_nothing():
    positions = torch.randn(1, 26, 3)
    assert resized_positions(positions, (5, 5), 0.1) is positions
