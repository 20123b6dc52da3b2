from __future__ import annotations

import torch
from processes import in_two_processes

from mmseg_semisup.models.reduce import mean_of_processes, sum_of_processes


def reduced(rank):
    values = torch.tensor([1.0, 2.0]) * (rank + 1)
    values.requires_grad_()
    total = sum_of_processes(values)
    (total * torch.tensor([1.0, 10.0])).sum().backward()
    return total.detach(), values.grad, mean_of_processes(values), values.detach()


def test_two_processes():
    for rank, (total, gradient, mean, values) in enumerate(in_two_processes(reduced)):
        assert total.tolist() == [3, 6]
        # DistributedDataParallel will halve it.
        assert gradient.tolist() == [2, 20]
        assert mean.tolist() == [1.5, 3]
        assert values.tolist() == [1 + rank, 2 + 2 * rank]


def test_one_process():
    values = torch.ones(3, requires_grad=True)
    assert sum_of_processes(values) is values
    mean = mean_of_processes(values)
    assert mean.tolist() == [1, 1, 1]
    assert not mean.requires_grad
