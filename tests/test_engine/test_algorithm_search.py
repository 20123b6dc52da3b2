"""cuDNN searches for algorithms of shapes that come often."""

from __future__ import annotations

import pytest
import torch

from mmseg_semisup.engine.algorithm_search import OFTEN, AlgorithmSearch


@pytest.fixture
def searched(monkeypatch):
    """A function that tells whether a batch of these shapes is searched for."""
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    search = AlgorithmSearch()

    def predict(*shapes):
        with search.limited({"inputs": [torch.empty(shape) for shape in shapes]}):
            return torch.backends.cudnn.benchmark

    return predict


def test_shapes_of_which_there_are_few_are_not_searched(searched):
    assert not any(searched((3, 8, width)) for width in range(8, 40))


def test_a_shape_that_comes_often_is_searched(searched):
    for _ in range(OFTEN):
        assert not searched((3, 8, 8))
        assert not searched((3, 8, 8), (3, 8, 8))
    assert searched((3, 8, 8))
    assert searched((3, 8, 8), (3, 8, 8))
    assert not searched((3, 8, 9))


def test_the_setting_is_restored(searched):
    searched((3, 8, 8))
    assert torch.backends.cudnn.benchmark
    with (
        pytest.raises(RuntimeError),
        AlgorithmSearch().limited({"inputs": [torch.empty(3, 4, 4)]}),
    ):
        raise RuntimeError
    assert torch.backends.cudnn.benchmark


def test_nothing_is_switched_on(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    search = AlgorithmSearch()
    for _ in range(2 * OFTEN):
        with search.limited({"inputs": [torch.empty(3, 4, 4)]}):
            assert not torch.backends.cudnn.benchmark


@pytest.mark.parametrize("batch", [{"inputs": None}, {}, [1, 2]])
def test_batches_without_images_are_left_alone(batch, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    with AlgorithmSearch().limited(batch):
        assert torch.backends.cudnn.benchmark
