import pytest
import torch

from mmseg_semisup.core.histogram import histogram


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_numbers_are_counted_on_their_device(device):
    numbers = torch.tensor([[0, 2], [2, 3]], device=device)
    counts = histogram(numbers, 5)
    assert counts.shape == (5,)
    assert counts.device.type == device
    if device == "cpu":
        assert counts.tolist() == [1, 0, 2, 1, 0]
