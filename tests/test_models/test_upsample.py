from __future__ import annotations

import pytest
import torch

from mmseg_semisup.models.upsample import upsample


@pytest.mark.parametrize(
    ("align_corners", "expected"),
    [(True, [0, 1, 2, 3]), (False, [0, 0.75, 2.25, 3])],
)
def test_a_ramp(align_corners, expected):
    """Two pixels, 0 and 3, to four: with their centres in the corners, or not."""
    logits = torch.tensor([0.0, 3.0]).view(1, 1, 1, 2)
    found = upsample(logits, (1, 4), align_corners)
    assert found.flatten().tolist() == pytest.approx(expected)


def test_shape_and_gradient():
    logits = torch.rand(2, 3, 4, 5, requires_grad=True)
    found = upsample(logits, (9, 11), False)
    assert found.shape == (2, 3, 9, 11)
    found.sum().backward()
    assert logits.grad.sum().item() == pytest.approx(2 * 3 * 9 * 11, rel=1e-5)
