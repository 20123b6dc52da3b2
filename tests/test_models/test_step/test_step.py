"""What objectives may ask a step, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmengine.logging import MessageHub
from mmseg.registry import MODELS

from mmseg_semisup.models import Step
from mmseg_semisup.models.segmentors.step import Step as EarlierStep
from mmseg_semisup.models.step.view import View


def model(**changes):
    torch.manual_seed(0)
    head = {"dropout_ratio": 0.5}
    cfg = {
        "type": "SemiSegmentor",
        "segmentor": tiny_segmentor(**head),
        "teacher": {"momentum": 0.9},
        "data_preprocessor": PREPROCESSOR,
        **changes,
    }
    return MODELS.build(cfg).train()


def step_of(built):
    return built.make_step(**built.data_preprocessor(batch(), True))


def test_a_network_runs_once_on_a_view():
    built = model()
    step = step_of(built)
    view = step["unlabeled"]
    calls = []
    for network in ("student", "teacher"):
        built.network(network).backbone.register_forward_hook(
            lambda *_, n=network: calls.append(n)
        )
    for _ in range(2):
        assert step.student(view).probs.requires_grad
        assert not step.teacher(view).probs.requires_grad
    assert calls == ["student", "teacher"]


def test_labels_of_a_network_that_learns_need_no_gradients():
    step = step_of(model())
    labels = step.output("student", "unlabeled", gradients=False)
    assert not labels.probs.requires_grad
    assert step.output("student", "unlabeled", gradients=False) is labels
    # A loss needs another pass, which also gives the labels from then on.
    learnt = step.student("unlabeled")
    assert learnt.probs.requires_grad
    assert step.output("student", "unlabeled", gradients=False) is learnt


def test_the_constructor_and_the_names_of_earlier_versions():
    built = model()
    now = step_of(built)
    images = {"unlabeled": now["unlabeled"].images}
    samples = {"unlabeled": now["unlabeled"].samples}
    step = EarlierStep(built.segmentor, built.teacher.network, images, samples, 3)
    assert step.iteration == 3
    for network in ("student", "teacher"):
        found = getattr(step, network)("unlabeled")
        assert found is step.output(network, step["unlabeled"])


def test_a_view_that_is_not_there_is_named_with_the_nearest():
    step = step_of(model())
    assert "unlabeled" in step
    assert "unlabelled" not in step
    with pytest.raises(ValueError, match=r"'unlabelled'.*did you mean 'unlabeled'"):
        step["unlabelled"]


def test_a_network_that_is_not_there_is_named():
    step = step_of(model(teacher=None))
    with pytest.raises(ValueError, match="set teacher=dict"):
        step.teacher(step["unlabeled"])
    with pytest.raises(ValueError, match=r"'peer'.*\['student'\].*networks"):
        step.output("peer", step["unlabeled"])


def test_evaluation_mode_has_no_dropout_and_leaves_the_modes():
    built = model()
    built.segmentor.backbone.eval()
    modes = [module.training for module in built.modules()]
    step = step_of(built)
    view = step["unlabeled"]
    judged = step.output("student", view, evaluation=True)
    assert modes == [module.training for module in built.modules()]
    assert not judged.logits.requires_grad
    metas = [{"img_shape": view.size, "pad_shape": view.size}] * len(view)
    expected = built.segmentor.eval().encode_decode(view.images, metas)
    torch.testing.assert_close(judged.full_logits, expected)
    built.train()
    assert not torch.allclose(step.student(view).full_logits, expected)


def test_a_view_in_two_passes_is_refused():
    step = step_of(model())
    step.student(step["labeled"])
    message = r"\['labeled', 'unlabeled'\] in one pass, but has seen \['labeled'\]"
    with pytest.raises(ValueError, match=message):
        step.student([step["labeled"], step["unlabeled"]])


def test_maps_are_published_once_and_found_by_their_short_name():
    step = step_of(model())
    made = []

    def make():
        made.append(1)
        return torch.ones(1)

    step.publish("first.confidence", make)
    assert made == []
    assert step.signal("confidence") is step.signal("first.confidence")
    assert made == [1]
    with pytest.raises(ValueError, match=r"'first\.confidence' has been published"):
        step.publish("first.confidence", make)
    step.publish("second.confidence", make)
    with pytest.raises(ValueError, match=r"several.*first\.conf.*second\.conf"):
        step.signal("confidence")
    with pytest.raises(ValueError, match=r"no objective before this one publishes 'x'"):
        step.signal("x")


def test_what_several_ask_for_is_computed_once():
    step = step_of(model())
    made = []
    for _ in range(2):
        step.once("key", lambda: made.append(1))
    assert made == [1]


def test_a_view_cannot_be_added_twice():
    step = step_of(model())
    view = View("mixed", step["unlabeled"].images, valid=step["unlabeled"].valid)
    step.add_view(view)
    assert step["mixed"] is view
    with pytest.raises(ValueError, match="already has a branch 'mixed'"):
        step.add_view(view)


def test_progress_follows_the_runner():
    hub = MessageHub.get_current_instance()
    before = hub.get_info("max_iters", None)
    step = Step({}, {}, {}, iteration=30)
    try:
        hub.update_info("max_iters", 40)
        assert step.progress == 0.75
        hub.update_info("max_iters", 0)
        with pytest.raises(ValueError, match="number of iterations is not known"):
            _ = step.progress
    finally:
        hub.update_info("max_iters", before or 0)
