"""What is kept of a validation: exact scores, small maps, and the file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from reported_runs import scenes

from mmseg_semisup.report import validation
from mmseg_semisup.report.validation import (
    FILE,
    Gatherer,
    Kept,
    Validation,
    merged,
    read_validation,
    stride,
    write_validation,
)
from mmseg_semisup.visualization.legend import image_score


def areas_of(predicted, truth, classes: int = 3) -> torch.Tensor:
    known = truth != 255
    rows = []
    for c in range(classes):
        one, other = (predicted == c) & known, truth == c
        rows.append([(one & other).sum(), (one | other).sum(), one.sum(), other.sum()])
    return torch.tensor(rows).float().T


def test_scores_are_those_of_the_whole_image():
    generator = torch.Generator().manual_seed(0)
    gatherer = Gatherer(1, 3)
    truth = torch.randint(0, 3, (800, 500), generator=generator)
    predicted = torch.randint(0, 2, (800, 500), generator=generator)
    truth[:100] = 255
    sure = torch.rand(800, 500, generator=generator)
    step = stride(truth.shape)
    gatherer.add(
        "a", predicted, truth, areas_of(predicted, truth), sure[::step, ::step]
    )
    gatherer.flush()
    (scene,) = gatherer.scenes
    expected = image_score(predicted.numpy(), truth.numpy(), 3)
    assert scene.score == pytest.approx(expected, abs=1e-3)
    assert scene.size == (800, 500)
    np.testing.assert_array_equal(scene.truth, truth[::3, ::3].numpy())
    np.testing.assert_array_equal(scene.labels, predicted[::3, ::3].numpy())
    expected = (sure[::3, ::3] * 255).round().to(torch.uint8).numpy()
    np.testing.assert_array_equal(scene.confidence, expected)


def test_an_image_of_which_no_pixel_counts_is_left_out():
    gatherer = Gatherer(1, 3)
    nothing = torch.full((4, 4), 255)
    gatherer.add("a", torch.zeros(4, 4), nothing, torch.zeros(4, 3))
    gatherer.flush()
    assert gatherer.scenes == []


def test_images_are_spread_evenly_and_bounded():
    gatherer = Gatherer(1000, 3)
    wanted = [i for i in range(1000) if gatherer.wants()]
    assert wanted == list(range(0, 1000, 5))
    assert sum(Gatherer(201, 3).wants() for _ in range(1)) == 1


def test_only_the_best_and_the_worst_keep_their_confidence(tmp_path, monkeypatch):
    monkeypatch.setattr(validation, "GROUP", 4)
    found = scenes(tmp_path, 20, 0.7).scenes
    kept = [s.score for s in found if s.confidence is not None]
    ordered = sorted(s.score for s in found)
    assert sorted(kept) == ordered[:3] + ordered[-3:]


def test_what_processes_kept_is_as_of_one(tmp_path):
    parts = [scenes(tmp_path / str(i), 8, 0.7, seed=i) for i in range(2)]
    found = merged([*parts, Kept([])])
    assert [s.path for s in found.scenes] == [s.path for p in parts for s in p.scenes]
    np.testing.assert_array_equal(found.counts, parts[0].counts + parts[1].counts)
    kept = [s.score for s in found.scenes if s.confidence is not None]
    assert (
        sorted(kept)
        == sorted(s.score for s in found.scenes)[:3]
        + (sorted(s.score for s in found.scenes)[-3:])
    )
    assert merged([]) == Kept([])


def test_processes_share_what_is_kept():
    gatherer = Gatherer(500, 3, kept=100)
    assert sum(gatherer.wants() for _ in range(500)) == 100


def test_another_ignored_label_is_told_apart():
    gatherer = Gatherer(1, 3, ignore_index=0)
    truth = torch.tensor([[0, 1, 2]])
    gatherer.add("a", truth, truth, torch.ones(4, 3))
    gatherer.flush()
    assert gatherer.scenes[0].truth.tolist() == [[255, 1, 2]]


def test_the_file_returns_what_was_written(tmp_path):
    gathered = scenes(tmp_path / "photos", 8, 0.8)
    table = np.arange(9).reshape(3, 3)
    found = Validation(7, 30, gathered.scenes, table, gathered.counts)
    write_validation(tmp_path, found)
    read = read_validation(tmp_path)
    assert read is not None
    assert (read.iteration, read.images) == (7, 30)
    np.testing.assert_array_equal(read.confusion, table)
    for one, other in zip(gathered.scenes, read.scenes, strict=True):
        assert (one.path, one.score, one.size) == (other.path, other.score, other.size)
        np.testing.assert_array_equal(one.truth, other.truth)
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.confidence, other.confidence)
    statistics = read.statistics(3)
    assert statistics is not None
    right = sum((s.labels == s.truth).sum() for s in gathered.scenes)
    assert statistics.classes[2].sum() == right


@pytest.mark.parametrize("damage", ["missing", "cut", "text", "pickle", "shape"])
def test_a_damaged_file_counts_as_none(tmp_path, damage):
    path = tmp_path / FILE
    write_validation(tmp_path, Validation(7, 0))
    assert read_validation(tmp_path) is not None
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-40])
    elif damage == "text":
        path.write_text("no archive")
    elif damage == "pickle":
        np.savez(path, meta=np.array([{}], dtype=object))
    else:
        meta = b'{"iteration":1,"images":1,"paths":["a"],"scores":[1],"sizes":[[1]]}'
        np.savez(path, meta=np.frombuffer(meta, np.uint8))
    assert read_validation(tmp_path) is None
