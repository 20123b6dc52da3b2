"""Maps at the positions of features."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from mmseg_semisup.models.step.feature_positions import nearest, pick, rows_of


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 7), (8, 10), (3, 20)])
def test_nearest_is_that_of_torch(size):
    maps = torch.randn(2, 3, 8, 10)
    assert torch.equal(nearest(maps, size), F.interpolate(maps, size, mode="nearest"))
    labels = torch.randint(0, 9, (2, 8, 10))
    expected = F.interpolate(labels[:, None].float(), size, mode="nearest")
    assert torch.equal(nearest(labels, size), expected[:, 0].long())


def test_picked_vectors_and_their_gradients():
    maps = [torch.randn(2, 3, 4, 5), torch.randn(1, 3, 2, 2), torch.randn(3, 3, 1, 6)]
    whole = torch.cat([rows_of(each) for each in maps])
    indices = torch.cat([torch.arange(len(whole)).flip(0), torch.tensor([0, 0, 43])])
    assert torch.equal(pick(maps, indices), whole[indices])
    for each in maps:
        each.requires_grad_()
    pick(maps, indices).sum().backward()
    counts = indices.bincount().float().unsqueeze(1).expand(-1, 3)
    assert torch.equal(torch.cat([rows_of(each.grad) for each in maps]), counts)
