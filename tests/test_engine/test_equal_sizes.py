"""Which images of a validation are predicted together."""

import pytest
import torch
from mmseg.structures import SegDataSample

from mmseg_semisup.engine.equal_sizes import groups, joined, windows


def batch(height, ori=None, name="", count=1, dtype=torch.uint8):
    metainfo = {"ori_shape": ori or (height, 4), "img_path": name}
    return {
        "inputs": [torch.zeros(3, height, 4, dtype=dtype) for _ in range(count)],
        "data_samples": [SegDataSample(metainfo=metainfo) for _ in range(count)],
    }


def test_images_of_equal_size_are_together_in_order():
    window = [batch(n) for n in (4, 6, 4, 8, 6, 4)]
    assert groups(window) == [[0, 2, 5], [1, 4], [3]]


@pytest.mark.parametrize(
    "other",
    [
        batch(4, ori=(9, 9)),
        batch(4, dtype=torch.float32),
        batch(4, count=2),
        {"inputs": torch.zeros(1, 3, 4, 4), "data_samples": batch(4)["data_samples"]},
        {**batch(4), "more": 1},
        [batch(4)],
    ],
    ids=["original", "type", "stated", "stacked", "more", "list"],
)
def test_what_differs_otherwise_is_alone(other):
    assert groups([batch(4), other, other, batch(4)])[0] == [0, 3]


def test_a_window_has_a_bounded_number_of_values():
    loader = [batch(4) for _ in range(7)]
    lengths = [len(w) for w in windows(loader, 3 * 16 * 2, channels=2)]
    assert lengths == [3, 3, 1]
    large = [batch(4), batch(100), batch(4)]
    assert [len(w) for w in windows(large, 64, channels=1)] == [1, 1, 1]
    # Predictions have the size of the original image, if that is larger.
    shrunk = [batch(4, ori=(16, 4)) for _ in range(3)]
    assert [len(w) for w in windows(shrunk, 128, channels=1)] == [2, 1]


def test_batches_that_a_config_states_are_alone():
    loader = [batch(4, count=2), batch(4, count=2)]
    assert [len(w) for w in windows(loader, 10**6, channels=1)] == [1, 1]


def test_nothing_gives_nothing():
    assert list(windows([], 10, 1)) == []


def test_joined_batches_keep_their_order():
    parts = [batch(4, name=str(i)) for i in range(3)]
    whole = joined(parts)
    assert [s.img_path for s in whole["data_samples"]] == ["0", "1", "2"]
    assert len(whole["inputs"]) == 3
    assert joined(parts[:1]) is parts[0]
