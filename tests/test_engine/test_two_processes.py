"""Every method in two processes, all with one pair of them: starting one takes long.

AdvSemiSeg, s4GAN, latent classes and the context-aware contrast are compared with one
process in tests of their own.
"""

from __future__ import annotations

import os

import pytest
import torch
from helpers import NUM_CLASSES
from mmengine.optim import build_optim_wrapper
from processes import in_two_processes
from tiny_methods import (
    METHODS,
    build_method,
    method_batch,
    optimizers_of,
)
from torch import nn

from mmseg_semisup.engine.exchange import BucketedDataParallel

STEPS = int(os.environ.get("MMSEG_SEMISUP_PROCESS_STEPS", "20"))
GATHERING = ("context_aware", "context_aware_weak")
"""Methods that gather features, and so need as many images in each process."""
PAIRED = ("augseg",)
"""Methods that need as many labelled images as unlabelled ones."""
EQUAL = ("supervised", "mean_teacher", "three_stage", "twin_branches", "mlmt")
"""Methods whose losses are means over images, or over pixels as many in each."""
MEANS = (*EQUAL, "adv_semi_seg")
"""Methods without figures of the whole batch."""


def part_of(data, rank):
    """What ``SourceSampler`` deals to one of two processes."""
    return {
        key: {name: values[rank::2] for name, values in branches.items()}
        for key, branches in data.items()
    }


def step_once(model, wrapper, data):
    losses = model.train_step(data, wrapper)
    module = getattr(model, "module", model)
    if wrapper.should_update():
        module.follow()
    return losses


def optimizers(model, **changes):
    wrapper = build_optim_wrapper(model, {**optimizers_of(model), **changes})
    wrapper.initialize_count_status(model, 0, 100)
    return wrapper


def trouble(method, model, step, rank):
    """One process's batch of a step in which something is missing somewhere."""
    kind = step % 4
    if kind == 3 and method not in (*GATHERING, *PAIRED):
        return method_batch(100 * step + rank, *((1, 3) if rank else (3, 1)))
    data = part_of(method_batch(step), rank)
    for part in getattr(model, "objectives", nn.Module()).modules():
        for name in ("threshold", "gamma"):
            if hasattr(part, name):
                kept = vars(part)
                usual = kept.setdefault(f"usual_{name}", kept[name])
                # More than any probability: nothing is selected.
                setattr(part, name, 2.0 if kind == 1 and rank == 1 else usual)
    if kind == 2 and rank == 0:
        for sample in (s for samples in data["data_samples"].values() for s in samples):
            for name in ("gt_sem_seg", "pseudo_sem_seg"):
                if name in sample:
                    sample.get(name).data.fill_(255)
            sample.gt_image_labels = torch.zeros(NUM_CLASSES)
    return data


def run(method, rank, steps, batches):
    model = build_method(method)
    ddp = BucketedDataParallel(model)
    wrapper = optimizers(ddp)
    for step in range(steps):
        losses = step_once(ddp, wrapper, batches(method, model, step, rank))
        assert all(torch.isfinite(v).all() for v in losses.values()), (step, losses)
    return {k: v.clone() for k, v in model.state_dict().items()}


def same(method, model, step, rank):
    return part_of(method_batch(step, ignored=6), rank)


def different(method, model, step, rank):
    return part_of(method_batch(step), rank)


def train_all(rank):
    found = {("trouble", m): run(m, rank, STEPS, trouble) for m in METHODS}
    found |= {("same", m): run(m, rank, 3, same) for m in EQUAL}
    found |= {("different", m): run(m, rank, 3, different) for m in MEANS}
    return found


@pytest.fixture(scope="module")
def states():
    """State of each model in both processes."""
    return in_two_processes(train_all)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_weights_stay_equal_whatever_one_process_lacks(states, method):
    """Nothing selected or no label in one, other numbers of images: nobody waits."""
    first, second = (found["trouble", method] for found in states)
    start = build_method(method).state_dict()
    assert any(not torch.equal(start[name], value) for name, value in first.items())
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def close(found, expected):
    assert list(found) == list(expected)
    # Rounding alone may turn a ReLU on or off whose input is nearly 0; a gradient of
    # another scale would differ by 1e-4 and more.
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("method", EQUAL)
def test_equal_to_one_process_with_the_same_batch(states, method):
    model = build_method(method)
    wrapper = optimizers(model)
    for step in range(3):
        step_once(model, wrapper, method_batch(step, ignored=6))
    close(states[0]["same", method], model.state_dict())


@pytest.mark.slow
@pytest.mark.parametrize("method", MEANS)
def test_a_step_is_that_of_the_mean_of_the_processes_losses(states, method):
    """With other numbers of pixels in each: as one process that accumulates both."""
    model = build_method(method)
    wrapper = optimizers(model, accumulative_counts=2)
    for step in range(3):
        for rank in (0, 1):
            step_once(model, wrapper, part_of(method_batch(step), rank))
    expected = model.state_dict()
    for name in expected:
        if name.endswith("iteration._extra_state"):
            expected[name] = expected[name] // 2
    close(states[0]["different", method], expected)
