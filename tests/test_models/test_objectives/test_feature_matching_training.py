"""s4GAN's signals in trainings: resume, precision, export, two processes."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import batch
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from processes import in_two_processes

from mmseg_semisup.export.plain_model import plain_state
from test_models.test_objectives.test_feature_matching import (
    LOSSES,
    OPTIMIZERS,
    build,
    objective,
)


def test_resume():
    init_default_scope("mmseg")
    models = [build(objective(gamma=0.5), double=False) for _ in range(2)]
    wrappers = [build_optim_wrapper(model, OPTIMIZERS) for model in models]
    for seed in range(2):
        models[0].train_step(batch(seed=seed), wrappers[0])
    models[1].load_state_dict(copy.deepcopy(models[0].state_dict()))
    wrappers[1].load_state_dict(copy.deepcopy(wrappers[0].state_dict()))
    for model, wrapper in zip(models, wrappers, strict=True):
        for seed in range(2, 4):
            model.train_step(batch(seed=seed), wrapper)
    state = models[1].state_dict()
    for name, value in models[0].state_dict().items():
        assert torch.equal(value, state[name]), name


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_stays_close(precision):
    init_default_scope("mmseg")
    figures = []
    for kind in ("float32", precision):
        model = build(objective(), double=False)
        wrapper = build_optim_wrapper(model, {**OPTIMIZERS, "precision": kind})
        for seed in range(2):
            losses = model.train_step(batch(seed=seed), wrapper)
        figures.append(losses)
    for name in LOSSES:
        assert figures[1][name].item() == pytest.approx(
            figures[0][name].item(), rel=0.1, abs=2e-4
        )


def test_exported_state_has_no_discriminator():
    model = build(objective())
    plain = plain_state(model.state_dict(), "student")
    assert set(plain) == set(model.segmentor.state_dict())


def split(data, rank):
    return {
        key: {branch: value[rank::2] for branch, value in branches.items()}
        for key, branches in data.items()
    }


def same_span(data):
    """Every image has the values 0 and 255, so that parts of a batch scale alike."""
    for images in data["inputs"].values():
        for image in images:
            image[:, 0, 0], image[:, 0, 1] = 0, 255
    return data


def batches():
    return [same_span(batch(labeled=4, unlabeled=4, seed=s)) for s in range(2)]


def train(wrapped, wrapper, data):
    for one in data:
        wrapped.train_step(one, wrapper)


def train_part(rank):
    states = {}
    for name, weight, gammas in (
        ("matching", 0.0, (0.0, 0.0)),
        # Only the second process finds images to learn from.
        ("training", 1.0, (1.0, 0.0)),
    ):
        part = objective(self_training_weight=weight, gamma=gammas[rank])
        model = build(part, double=False)
        wrapped = MMDistributedDataParallel(model, broadcast_buffers=False)
        wrapper = build_optim_wrapper(wrapped, OPTIMIZERS)
        train(wrapped, wrapper, [split(data, rank) for data in batches()])
        states[name] = model.state_dict()
    return states


def test_two_processes_match_the_features_of_the_whole_batch():
    states = in_two_processes(train_part)
    model = build(objective(self_training_weight=0.0), double=False)
    train(model, build_optim_wrapper(model, OPTIMIZERS), batches())
    for name in ("matching", "training"):
        first, second = (found[name] for found in states)
        for key, value in first.items():
            assert torch.equal(value, second[key]), key
    # The mean over labelled pixels is of each process; all images have as many.
    alone = model.state_dict()
    for key, value in states[0]["matching"].items():
        torch.testing.assert_close(value, alone[key], atol=2e-6, rtol=2e-5, msg=key)
