from __future__ import annotations

import torch
from processes import in_two_processes

from mmseg_semisup.models.reduce import mean_of_processes, share_seen, sum_of_processes


def reduced(rank):
    values = torch.tensor([1.0, 2.0]) * (rank + 1)
    values.requires_grad_()
    total = sum_of_processes(values)
    (total * torch.tensor([1.0, 10.0])).sum().backward()
    shares = [share_seen(1 + 2 * rank, total, values) for total in (40, 3)]
    mean = mean_of_processes(values)
    return total.detach(), values.grad, mean, values.detach(), torch.stack(shares)


def test_two_processes():
    for rank, found in enumerate(in_two_processes(reduced)):
        total, gradient, mean, values, shares = found
        assert total.tolist() == [3, 6]
        # DistributedDataParallel will halve it.
        assert gradient.tolist() == [2, 20]
        assert mean.tolist() == [1.5, 3]
        assert values.tolist() == [1 + rank, 2 + 2 * rank]
        # Of one image and of three.
        assert torch.equal(shares, torch.tensor([0.1, 1.0]))


def test_one_process():
    values = torch.ones(3, requires_grad=True)
    assert sum_of_processes(values) is values
    mean = mean_of_processes(values)
    assert mean.tolist() == [1, 1, 1]
    assert not mean.requires_grad
    assert share_seen(2, 8, values) == 0.25
    assert share_seen(9, 8, values) == 1.0
