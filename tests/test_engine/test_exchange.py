"""Gradients in small buckets are those of MMEngine's own distributed model."""

from __future__ import annotations

import copy

import pytest
import torch
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from processes import in_two_processes
from torch import nn
from torch.profiler import profile

from mmseg_semisup.engine.exchange import BucketedDataParallel, bucket_megabytes

EXCHANGE = "c10d::allreduce_"


class Networks(BaseModel):
    """Two networks of 11 MB together; parts without gradients in some steps."""

    def __init__(self) -> None:
        super().__init__()
        self.segmentor = nn.Sequential(*(nn.Linear(512, 512) for _ in range(11)))
        self.discriminator = nn.Conv2d(2, 3, 3)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.idle = nn.Linear(4, 4)

    def forward(self, inputs, data_samples=None, mode="loss"):
        images = torch.stack(inputs)
        scores = self.discriminator(images).mean()
        # As Objective.zero_loss does it: used in one process, and not in the other.
        idle = sum(p.sum() for p in self.idle.parameters()) * (images.mean() > 0)
        loss = self.segmentor(images.flatten(1)).square().mean()
        return {"loss_s": loss, "loss_d": scores.square(), "loss_i": 0.01 * idle}


def train(kind, rank, counts):
    torch.manual_seed(0)
    model = Networks()
    wrapper = build_optim_wrapper(
        model,
        {
            "constructor": "JointOptimWrapperConstructor",
            "accumulative_counts": counts,
            "segmentor": {"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}},
            "discriminator": {"optimizer": {"type": "Adam", "lr": 0.01}},
        },
    )
    wrapper.initialize_count_status(model, 0, 100)
    ddp = kind(model, broadcast_buffers=False)
    generator = torch.Generator().manual_seed(rank)
    for _ in range(4):
        images = torch.randn(2, 2, 16, 16, generator=generator) + 1 - 2 * rank
        ddp.train_step({"inputs": list(images), "data_samples": []}, wrapper)
    with profile() as profiler:
        ddp.train_step({"inputs": list(images), "data_samples": []}, wrapper)
    events = profiler.events()
    spans = [e.time_range for e in events if e.name == EXCHANGE]
    backward = [e.time_range for e in events if e.name == "AddmmBackward0"]
    early = sum(span.start < max(b.end for b in backward) for span in spans)
    copies = sum(e.name == "aten::copy_" for e in events)
    return copy.deepcopy(model.state_dict()), early, copies


def train_all(rank):
    kinds = (MMDistributedDataParallel, BucketedDataParallel)
    return [train(kind, rank, counts) for counts in (1, 3) for kind in kinds]


@pytest.fixture(scope="module")
def trained():
    return in_two_processes(train_all)


def test_weights_are_those_of_mmengine_bit_for_bit(trained):
    for found in trained:
        for expected, ours in (found[:2], found[2:]):
            for name, value in expected[0].items():
                assert torch.equal(value, ours[0][name]), name
    for one, other in zip(*trained, strict=True):
        for name, value in one[0].items():
            assert torch.equal(value, other[0][name]), name


def test_the_exchange_begins_within_the_backward_pass(trained):
    """With MMEngine's: one bucket, when the pass is over."""
    (_, usual, _), (_, early, _) = trained[0][:2]
    assert usual <= 1
    assert early >= 4


def test_gradients_are_not_copied(trained):
    (_, _, usual), (_, _, copies) = trained[0][:2]
    # A weight and a bias of each layer, of the discriminator, and of the idle part.
    assert copies <= usual - 2 * 13


def test_the_size_follows_from_the_gradients():
    weights = [torch.zeros(2**20, requires_grad=True) for _ in range(10)]
    frozen = [torch.zeros(2**22)]
    assert bucket_megabytes(weights + frozen) == 5
    assert bucket_megabytes(frozen) == 1
    assert bucket_megabytes(10 * weights) == 25
