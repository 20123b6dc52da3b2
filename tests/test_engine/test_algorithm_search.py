"""cuDNN searches for algorithms of the first shapes of a validation, and no others."""

from __future__ import annotations

import pytest
import torch

from mmseg_semisup.engine.algorithm_search import MOST_SHAPES, AlgorithmSearch


@pytest.fixture
def searched(monkeypatch):
    """A function that tells whether a batch of these shapes is searched for."""
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    search = AlgorithmSearch()

    def predict(*shapes):
        with search.limited({"inputs": [torch.empty(shape) for shape in shapes]}):
            return torch.backends.cudnn.benchmark

    return predict


def test_the_first_shapes_are_searched_and_no_more(searched):
    sizes = [(3, 8, width) for width in range(8, 40)]
    for _ in range(2):
        found = [searched(size) for size in sizes]
        assert found == [True] * MOST_SHAPES + [False] * (len(sizes) - MOST_SHAPES)


def test_one_size_is_searched_with_a_smaller_last_batch(searched):
    size = (3, 8, 8)
    assert all(searched(*[size] * count) for count in [4] * 20 + [3])


def test_the_setting_is_restored(searched):
    for width in range(9):
        searched((3, 8, 8 + width))
    assert torch.backends.cudnn.benchmark


def test_the_setting_is_restored_after_an_error(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)

    def fail():
        with AlgorithmSearch().limited({"inputs": [torch.ones(3, 4, 4)]}):
            torch.backends.cudnn.benchmark = False
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert torch.backends.cudnn.benchmark


def test_nothing_is_switched_on(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    with AlgorithmSearch().limited({"inputs": [torch.empty(3, 4, 4)]}):
        assert not torch.backends.cudnn.benchmark


def test_augmented_versions_of_an_image_are_one_shape(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    search = AlgorithmSearch()

    def predict(width):
        versions = [(torch.empty(3, 8, width),), (torch.empty(3, 16, 2 * width),)]
        with search.limited({"inputs": versions}):
            return torch.backends.cudnn.benchmark

    found = [predict(width) for width in range(8, 16)]
    assert found == [True] * MOST_SHAPES + [False] * (8 - MOST_SHAPES)


@pytest.mark.parametrize("batch", [{"inputs": None}, {}, [1, 2]])
def test_batches_without_images_are_left_alone(batch, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    search = AlgorithmSearch()
    for width in range(2 * MOST_SHAPES):
        with search.limited({"inputs": [torch.empty(3, 4, width)]}):
            pass
    with search.limited(batch):
        assert torch.backends.cudnn.benchmark
