"""Images of one size are predicted together, and memory is bounded."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from mmseg_semisup.core.errors import ImageFileError
from mmseg_semisup.export import batches
from mmseg_semisup.export.batches import predict_batches
from mmseg_semisup.export.predictor import PredictedImage


class Stub:
    """Predicts the number of an image, whose name is NUMBER-SIDE."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.loaded = self.most = 0
        self.batches: list[list[str]] = []

    def load(self, path: str):
        number, side = path.split("-")
        if number == "13":
            raise ImageFileError(f"{path}: damaged")
        with self.lock:
            self.loaded += 1
            self.most = max(self.most, self.loaded)
        return {
            "name": path,
            "number": int(number),
            "inputs": torch.zeros(3, int(side), 4),
        }

    def predict(self, images):
        self.batches.append([each["name"] for each in images])
        with self.lock:
            self.loaded -= len(images)
        assert len({each["inputs"].shape for each in images}) == 1
        if any(each["number"] == 17 for each in images):
            self.loaded += len(images) if len(images) > 1 else 0
            raise RuntimeError("too large")
        return [
            PredictedImage(np.full((1, 1), each["number"]), np.zeros(1))
            for each in images
        ]


def work(count, sides):
    names = [Path(f"{i}-{sides[i % len(sides)]}") for i in range(count)]
    return [(name, name) for name in names]


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("sides", [[8], [8, 9], list(range(2, 22))])
def test_each_image_gets_its_own_prediction(sides, batch_size):
    stub = Stub()
    found = list(predict_batches(stub, work(40, sides), batch_size))
    assert len(found) == 40
    for (path, _), prediction, reason in found:
        number = int(str(path).split("-")[0])
        if number in (13, 17):
            assert prediction is None
            expected = {13: "damaged", 17: "RuntimeError: too large"}
            assert reason == expected[number]
        else:
            assert prediction.labels[0, 0] == number
    assert max(map(len, stub.batches)) <= batch_size


def test_most_batches_are_full():
    stub = Stub()
    list(predict_batches(stub, work(12, [8, 9]), 3))
    assert [len(batch) for batch in stub.batches] == [3, 3, 3, 3]


def test_images_in_memory_do_not_grow_with_the_folder():
    stub = Stub()
    for _ in predict_batches(stub, work(2000, [8, 9, 10]), 4):
        pass
    assert stub.most <= 4 * batches.AHEAD + 1 + 4 * (batches.OPEN_BATCHES + 1)
