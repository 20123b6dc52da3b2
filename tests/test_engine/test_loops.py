"""Validation and test in batches of equal size, of one network and of several."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from helpers import NUM_CLASSES, PREPROCESSOR, sample, tiny_segmentor
from mmengine import runner as plain_runner
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.runner import ValLoop
from mmseg.registry import METRICS, MODELS

from mmseg_semisup.engine import loops
from mmseg_semisup.engine.algorithm_search import MOST_SHAPES
from mmseg_semisup.engine.loops import (
    EqualSizeTestLoop,
    EqualSizeValLoop,
    TeacherStudentValLoop,
)

SIZES = [(32, 32), (24, 32), (32, 32), (32, 24), (24, 32), (32, 32)]


@METRICS.register_module()
class Order_of_the_loop_test(BaseMetric):  # noqa: N801
    """Keeps names, sizes and predictions in the order in which they come."""

    def process(self, data_batch, data_samples):
        """Keep."""
        for one in data_samples:
            prediction = one["seg_logits"]["data"].clone()
            self.results.append((one["img_path"], prediction))
        assert [s.img_path for s in data_batch["data_samples"]] == [
            one["img_path"] for one in data_samples
        ]

    def compute_metrics(self, results):
        """Hand on."""
        return {"all": results}


class Loader(list):
    """Batches with a data set."""

    def __init__(self, batches):
        super().__init__(batches)
        meta = {"classes": [str(i) for i in range(NUM_CLASSES)]}
        images = sum(len(batch["inputs"]) for batch in batches)
        self.dataset = type("Data", (list,), {"metainfo": meta})([0] * images)


def images(sizes=SIZES):
    generator = torch.Generator().manual_seed(0)
    for number, size in enumerate(sizes):
        labels = torch.randint(0, NUM_CLASSES, size, generator=generator)
        one = sample(size, labels)
        one.set_metainfo({"img_path": str(number)})
        pixels = torch.randint(0, 256, (3, *size), generator=generator)
        yield {"inputs": [pixels.to(torch.uint8)], "data_samples": [one]}


def built(cls, model, batches, evaluator=None):
    calls, sizes = [], []
    runner = SimpleNamespace(
        model=model,
        visualizer=SimpleNamespace(),
        build_evaluator=Evaluator,
        call_hook=lambda name, **values: calls.append((name, values)),
    )
    cfg = evaluator or {"type": "Order_of_the_loop_test"}
    if cls is not TeacherStudentValLoop:
        cfg = Evaluator(cfg)
    loop = cls(runner, Loader(batches), cfg)
    handle = model.segmentor.backbone.register_forward_pre_hook(
        lambda _, args: sizes.append(tuple(args[0].shape))
    )
    metrics = loop.run()
    handle.remove()
    return metrics, sizes, calls


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    cfg = {
        "type": "SemiSegmentor",
        "segmentor": {**tiny_segmentor(), "data_preprocessor": PREPROCESSOR},
        "teacher": {"momentum": 0.9},
        "test_cfg": {"predict_with": "teacher"},
    }
    model = MODELS.build(cfg)
    model.init_weights()
    for parameter in model.teacher.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize(
    ("stage", "ours", "plain"),
    [
        ("val", EqualSizeValLoop, ValLoop),
        ("test", EqualSizeTestLoop, plain_runner.TestLoop),
    ],
)
def test_single_images_are_predicted_together_and_handed_on_in_order(
    model, stage, ours, plain
):
    model.configure_test("student")
    found, sizes, calls = built(ours, model, list(images()))
    expected, single, theirs = built(plain, model, list(images()))
    assert sizes == [(3, 3, 32, 32), (2, 3, 24, 32), (1, 3, 32, 24)]
    assert len(single) == len(SIZES)
    for (name, logits), (other, alone) in zip(
        found["all"], expected["all"], strict=True
    ):
        assert name == other
        torch.testing.assert_close(logits, alone, rtol=1e-5, atol=1e-5)
    # Hooks see each batch of the loader, with its own predictions.
    numbers = [v["batch_idx"] for n, v in calls if n == f"after_{stage}_iter"]
    assert numbers == list(range(len(SIZES)))
    assert sorted(n for n, _ in calls) == sorted(n for n, _ in theirs)
    for name, values in calls:
        if name == f"after_{stage}_iter":
            (one,) = values["outputs"]
            assert one.img_path == values["data_batch"]["data_samples"][0].img_path
            assert "pred_sem_seg" in one


@pytest.mark.parametrize("limit", [1, 10**9])
def test_what_is_predicted_at_once_is_bounded(model, monkeypatch, limit):
    monkeypatch.setattr(loops, "VALUES", limit)
    model.configure_test("student")
    _, sizes, _ = built(EqualSizeValLoop, model, list(images()))
    assert len(sizes) == (len(SIZES) if limit == 1 else 3)


def test_memory_is_released_before_and_after_the_images(model, monkeypatch):
    order = []
    whole = EqualSizeValLoop.run_window
    monkeypatch.setattr(loops, "release_freed_memory", lambda: order.append("release"))
    monkeypatch.setattr(
        EqualSizeValLoop,
        "run_window",
        lambda loop, *args: order.append("images") or whole(loop, *args),
    )
    model.configure_test("student")
    built(EqualSizeValLoop, model, list(images()))
    assert order == ["release", "images", "release"]


def test_batches_that_a_config_states_stay(model):
    model.configure_test("student")
    one, two, *_ = images([(32, 32)] * 4)
    pair = {key: [*one[key], *two[key]] for key in one}
    _, sizes, calls = built(EqualSizeValLoop, model, [pair, pair])
    assert sizes == [(2, 3, 32, 32)] * 2
    outputs = [v["outputs"] for n, v in calls if n == "after_val_iter"]
    assert [len(one) for one in outputs] == [2, 2]


def test_all_networks_are_evaluated_in_one_pass_over_the_data(model):
    model.configure_test("teacher")
    prepared = []
    handle = model.data_preprocessor.register_forward_pre_hook(
        lambda _, args: prepared.append(len(args[0]["inputs"]))
    )
    found, sizes, calls = built(TeacherStudentValLoop, model, list(images()))
    handle.remove()
    assert prepared == [3, 2, 1]
    assert [len(one) for one in sizes] == [4] * 3
    for network in ("student", "teacher"):
        model.configure_test(network)
        expected, *_ = built(ValLoop, model, list(images()))
        pairs = zip(found[f"{network}/all"], expected["all"], strict=True)
        for (name, logits), (other, alone) in pairs:
            assert name == other
            torch.testing.assert_close(logits, alone, rtol=1e-5, atol=1e-5)
    logits = [x for _, x in found["teacher/all"]]
    outputs = [v["outputs"][0] for n, v in calls if n == "after_val_iter"]
    for one, expected in zip(outputs, logits, strict=True):
        assert torch.equal(one.seg_logits.data, expected)


def test_the_network_that_predicts_is_restored_after_an_error(model):
    model.configure_test("teacher")
    broken = list(images())
    broken[0]["inputs"] = [torch.zeros(5, 32, 32, dtype=torch.uint8)]
    with pytest.raises(RuntimeError):
        built(TeacherStudentValLoop, model, broken)
    assert model.predict_with == "teacher"


@pytest.mark.parametrize("kind", ["IoUMetric", "CountedIoUMetric"])
def test_scores_are_those_of_single_images(model, kind):
    model.configure_test("student")
    results = [
        built(cls, model, list(images()), {"type": kind})[0]
        for cls in (EqualSizeValLoop, ValLoop)
    ]
    assert results[0] == results[1]
    assert {"aAcc", "mIoU"} <= results[0].keys()


def test_an_evaluator_that_is_built_is_refused(model):
    with pytest.raises(ValueError, match="as a config"):
        TeacherStudentValLoop(None, None, Evaluator([]))


def test_snapshots_are_validated_only_if_they_predict():
    networks = {
        "old": {"type": "Snapshot", "interval": 2},
        "older": {"type": "Snapshot", "interval": 4},
        "slow": {"type": "Average", "momentum": 0.9},
    }
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": {**tiny_segmentor(), "data_preprocessor": PREPROCESSOR},
            "networks": networks,
        }
    )
    assert loops.validated_networks(model) == ["student", "slow"]
    model.configure_test("older")
    assert loops.validated_networks(model) == ["student", "older", "slow"]


def test_cudnn_does_not_search_for_each_size(model, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    found = []
    handle = model.segmentor.backbone.register_forward_pre_hook(
        lambda *_: found.append(torch.backends.cudnn.benchmark)
    )
    model.configure_test("student")
    sizes = [(24, 24 + 4 * number) for number in range(MOST_SHAPES + 3)]
    built(EqualSizeValLoop, model, list(images(sizes)))
    handle.remove()
    assert found == [True] * MOST_SHAPES + [False] * 3
    assert torch.backends.cudnn.benchmark
