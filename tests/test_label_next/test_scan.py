from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mmseg_semisup.core.errors import ConfigError, StoreError
from mmseg_semisup.label_next import scan as scan_module
from mmseg_semisup.label_next.candidates import list_candidates
from mmseg_semisup.label_next.scan import (
    Chunk,
    ScoreFiles,
    begin,
    list_digest,
    scan,
)
from mmseg_semisup.label_next.scorer import Scores


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch) -> None:
    monkeypatch.setattr(scan_module, "CHUNK", 3)


@pytest.fixture
def items(cfg):
    return list_candidates(cfg).unlabeled


def made(count: int, seed: int = 0) -> Scores:
    """Scores of some images, of three classes and five features."""
    generator = np.random.default_rng(seed)
    rows = generator.random((11, count)).astype(np.float32)
    return Scores(*rows[:3], rows[3:6].T, rows[6:].T.astype(np.float16))


def scores_of(files: ScoreFiles) -> list[np.ndarray]:
    chunks = [chunk.scores for _, chunk in files]
    return [np.concatenate(values) for values in zip(*chunks, strict=True)]


def test_scores_are_those_of_single_images(scorer, items, tmp_path):
    files = ScoreFiles(tmp_path, "unlabeled", len(items))
    scan(scorer, items, files, batch_size=2)
    assert [p.tolist() for p, _ in files] == [[0, 1, 2], [3, 4, 5], [6]]
    alone = [scorer.score([scorer.load(item)]) for item in items]
    expected = [np.concatenate(values) for values in zip(*alone, strict=True)]
    for found, true in zip(scores_of(files), expected, strict=True):
        np.testing.assert_allclose(found, true, atol=2e-3)


def test_an_interrupted_scan_goes_on(scorer, items, tmp_path, monkeypatch):
    whole = ScoreFiles(tmp_path / "whole", "unlabeled", len(items))
    scan(scorer, items, whole)
    files = ScoreFiles(tmp_path / "parts", "unlabeled", len(items))
    score, scored = scorer.score, []

    def stopping(images):
        scored.append(len(images))
        if sum(scored) > 4:
            raise KeyboardInterrupt
        return score(images)

    monkeypatch.setattr(scorer, "score", stopping)
    with pytest.raises(KeyboardInterrupt):
        scan(scorer, items, files)
    with pytest.raises(StoreError, match="unlabeled_00001.npz is missing or damaged"):
        list(files)
    counted = []
    monkeypatch.setattr(
        scorer, "score", lambda images: (counted.append(len(images)), score(images))[1]
    )
    scan(scorer, items, files)
    assert sum(counted) == 4
    for found, true in zip(scores_of(files), scores_of(whole), strict=True):
        assert np.array_equal(found, true)
    files.path(1).write_bytes(files.path(1).read_bytes()[:-40])
    files.path(2).write_bytes(b"")
    counted.clear()
    scan(scorer, items, files)
    assert sum(counted) == 4
    for found, true in zip(scores_of(files), scores_of(whole), strict=True):
        assert np.array_equal(found, true)


def test_damaged_images_are_named_and_passed_over(scorer, items, tmp_path):
    damaged, other = Path(items[1].image), Path(items[6].image)
    damaged.write_bytes(damaged.read_bytes()[:-30])
    other.write_bytes(b"no image")
    files = ScoreFiles(tmp_path / "scores", "unlabeled", len(items))
    scan(scorer, items, files)
    chunks = list(files)
    assert [p.tolist() for p, _ in chunks] == [[0, 2], [3, 4, 5], []]
    assert [c.failed for _, c in chunks] == [[1], [], [0]]
    assert "cut off" in chunks[0][1].reasons[0]
    assert "not an image" in chunks[2][1].reasons[0]
    alone = scorer.score([scorer.load(items[2])])
    np.testing.assert_allclose(
        chunks[0][1].scores.uncertainty[1], alone.uncertainty[0], rtol=1e-4
    )


def test_few_images_are_in_memory_at_once(scorer, items, tmp_path, monkeypatch):
    monkeypatch.setattr(scan_module, "CHUNK", 7)
    load, score, loaded, most = scorer.load, scorer.score, [], []

    def counting(item):
        loaded.append(item)
        return load(item)

    def scoring(images):
        most.append(len(loaded))
        del loaded[: len(images)]
        return score(images)

    monkeypatch.setattr(scorer, "load", counting)
    monkeypatch.setattr(scorer, "score", scoring)
    scan(scorer, items, ScoreFiles(tmp_path, "x", 7), batch_size=2, threads=1)
    assert max(most) <= 4
    assert not loaded


def test_progress_is_reported(scorer, items, tmp_path):
    lines = []
    scan(scorer, items, ScoreFiles(tmp_path, "new", 7), report=lines.append)
    assert "7/7 new images" in lines[-1]
    assert "0 s left" in lines[-1]


def test_files_keep_what_is_written(tmp_path):
    files = ScoreFiles(tmp_path, "x", 5)
    scores = made(2)
    files.write(0, Chunk(scores, [1], ["a\udcff\nb"]))
    found = files.read(0)
    assert (found.failed, found.reasons) == ([1], ["a\udcff\nb"])
    for one, other in zip(found.scores, scores, strict=True):
        assert np.array_equal(one, other)
        assert one.dtype == other.dtype
    assert files.read(1) is None
    # Two scores are too many for the last chunk with one failed image.
    files.write(1, Chunk(scores, [1], ["bad"]))
    assert files.read(1) is None


def test_scores_of_something_else_are_refused(tmp_path):
    folder = tmp_path / "scores"
    begin(folder, {"checkpoint": "1", "networks": ["student"]})
    begin(folder, {"checkpoint": "1", "networks": ["student"]})
    with pytest.raises(
        ConfigError, match=r'another way: checkpoint was "1" and is "2"'
    ):
        begin(folder, {"checkpoint": "2", "networks": ["student"]})
    (folder / "request.json").write_text("[1")
    with pytest.raises(ConfigError, match="does not say how"):
        begin(folder, {})
    (folder / "request.json").unlink()
    ScoreFiles(folder, "x", 2).write(0, Chunk(made(2), [], []))
    with pytest.raises(ConfigError, match="nothing says how they were made"):
        begin(folder, {})


def test_a_request_may_hold_what_json_does_not_know(tmp_path):
    request = {"size": (1, 2), "type": ScoreFiles}
    begin(tmp_path, request)
    begin(tmp_path, request)
    assert json.loads((tmp_path / "request.json").read_text())["size"] == [1, 2]


def test_the_digest_is_that_of_names_in_their_order(items):
    assert list_digest(items) == list_digest(list(items))
    assert list_digest(items) != list_digest(items[::-1])
