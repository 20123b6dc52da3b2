"""Metrics of image labels against slow references."""

from __future__ import annotations

import json
import sys
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from mmseg_semisup.evaluation.multi_label import (
    MultiLabelMetric,
    average_precision,
    cross_validate_threshold,
    f1_score,
    roc_curve,
)


def draw(size, seed, ties=False):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, size)
    scores = np.clip(rng.normal(0.3 + 0.3 * labels, 0.25), 0, 1)
    return (np.round(scores, 1) if ties else scores), labels


def slow_rates(scores, labels):
    """False and true positive rate and precision, threshold by threshold."""
    rows = [(0, 0, 1)]
    for threshold in sorted(set(scores), reverse=True):
        hits = [label for score, label in zip(scores, labels) if score >= threshold]  # noqa: B905
        true, false = sum(hits), len(hits) - sum(hits)
        everything = sum(labels), len(labels) - sum(labels)
        rows.append((false / everything[1], true / everything[0], true / len(hits)))
    return rows


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_equal_to_a_slow_reference(seed, ties):
    scores, labels = draw(60, seed, ties)
    rows = slow_rates(scores.tolist(), labels.tolist())
    steps = list(pairwise(rows))
    assert average_precision(scores, labels) == pytest.approx(
        sum((new[1] - old[1]) * new[2] for old, new in steps), rel=1e-12
    )
    curve = roc_curve(scores, labels)
    assert curve.area == pytest.approx(
        sum((n[0] - o[0]) * (n[1] + o[1]) / 2 for o, n in steps), rel=1e-12
    )
    expected = [*zip(*rows)][:2] + [(np.inf, *sorted(set(scores), reverse=True))]  # noqa: B905
    for found, column in zip(curve, expected, strict=True):
        np.testing.assert_allclose(found, column, rtol=1e-12)
    hits = sum((scores > 0.4) & (labels == 1))
    precision, recall = hits / sum(scores > 0.4), hits / sum(labels)
    assert f1_score(scores, labels, 0.4) == pytest.approx(
        2 * precision * recall / (precision + recall), rel=1e-12
    )


def test_no_label_of_a_kind():
    scores = np.array([0.1, 0.9])
    assert np.isnan(average_precision(scores, np.zeros(2)))
    assert average_precision(scores, np.ones(2)) == 1
    assert np.isnan(roc_curve(scores, np.zeros(2)).area)
    assert f1_score(scores, np.zeros(2), 0.95) == 0


def test_threshold_of_separable_scores():
    labels = draw((40, 3), 0)[1]
    scores = np.where(labels == 1, 0.62, 0.58)
    assert cross_validate_threshold(scores, labels, grid=(0.2, 0.6, 0.8)) == (0.6, 1)
    # Of thresholds that separate, the middle one.
    known = np.where(labels == 1, 0.9, 0.1)
    grid = (0.05, 0.2, 0.4, 0.5, 0.95)
    assert cross_validate_threshold(known, labels, grid=grid) == (0.4, 1)
    with pytest.raises(ValueError, match="at least 2"):
        cross_validate_threshold(scores[:1], labels[:1])


def metric(scores, labels, classes, **changes):
    result = MultiLabelMetric(**changes)
    result.dataset_meta = {"classes": classes}
    samples = [
        {"pred_image_scores": torch.tensor(s), "gt_image_labels": torch.tensor(t)}
        for s, t in zip(scores, labels)  # noqa: B905
    ]
    for sample in samples:
        result.process({}, [sample])
    return result.evaluate(len(samples))


def test_metric_leaves_out_background_and_classes_without_image(tmp_path):
    scores, labels = draw((30, 4), 1)
    labels[:, 0], labels[:, 3] = 1, 0
    found = metric(scores, labels, ("background", "a", "b", "c"), out_dir=str(tmp_path))
    columns = [average_precision(scores[:, i], labels[:, i]) for i in (1, 2)]
    assert found["mAP"] == pytest.approx(100 * np.mean(columns))
    area = roc_curve(scores[:, 1:].ravel(), labels[:, 1:].ravel()).area
    assert found["AUC"] == pytest.approx(100 * area)
    content = json.loads((tmp_path / "roc.json").read_text())
    assert content["average_precision"]["c"] is None
    assert cv2.imread(str(tmp_path / "roc.png")).std() > 5


def test_mistakes_are_named(monkeypatch):
    scores, labels = draw((4, 3), 0)
    with pytest.raises(ValueError, match="3 classes, the data 2"):
        metric(scores, labels, ("a", "b"))
    with pytest.raises(ValueError, match="no pred_image_scores"):
        MultiLabelMetric().process({}, [{}])
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(ValueError, match="MultiLabelMetric needs scikit-learn"):
        MultiLabelMetric()
