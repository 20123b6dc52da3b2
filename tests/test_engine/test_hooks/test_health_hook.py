"""Warnings of what goes wrong quietly, from the log alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from helpers import batch
from mmengine.config import Config
from mmengine.hooks import LoggerHook
from mmengine.logging import MessageHub
from mmseg.registry import HOOKS

from mmseg_semisup.core.config import config_folders
from mmseg_semisup.engine.hooks import HealthHook
from test_engine.test_optim import build_model, optimizers


def build(**options) -> HealthHook:
    spans = {"won_for": 20, "collapsed_for": 20, "empty_for": 20}
    return HOOKS.build({"type": "HealthHook", **spans, **options})


class Training:
    """A runner of which only the log is real."""

    def __init__(self, hook: HealthHook, model=None, others=(), hub=None) -> None:
        self.hook, self.lines = hook, []
        self.runner = SimpleNamespace(
            hooks=[hook, LoggerHook(interval=5), *others],
            message_hub=hub or MessageHub(f"health_{id(self)}"),
            logger=SimpleNamespace(warning=self.lines.append),
            model=model or torch.nn.Identity(),
        )
        self.iteration = 0
        hook.before_train(self.runner)

    def go(self, iterations: int, every: int = 1, **figures: float) -> list[str]:
        """Log figures for some iterations; what was warned of."""
        before = len(self.lines)
        for _ in range(iterations):
            self.hook.before_train_iter(self.runner, self.iteration)
            if (self.iteration + 1) % every == 0:
                for name, value in figures.items():
                    key = f"train/{name.replace('__', '.')}"
                    self.runner.message_hub.update_scalar(key, value)
            self.hook.after_train_iter(self.runner, self.iteration)
            self.iteration += 1
        return self.lines[before:]


def test_a_discriminator_that_has_won():
    training = Training(build())
    good = {"discriminator__fake": 0.3, "discriminator__real": 0.7}
    won = {"discriminator__fake": 0.001, "discriminator__real": 0.999}
    assert training.go(30, **good) == []
    assert training.go(15, **won) == []
    lines = training.go(40, **won)
    assert len(lines) == 1
    assert "discriminator.fake" in lines[0]
    assert "optim_wrapper.discriminator.optimizer.lr" in lines[0]
    training.go(20, **good)
    assert len(training.go(40, **won)) == 1


def test_scores_of_a_second_discriminator_are_its_own():
    training = Training(build())
    figures = {
        "discriminator__fake": 0.5,
        "discriminator__real": 0.5,
        "discriminator__fake_2": 0.0,
        "discriminator__real_2": 1.0,
    }
    assert "discriminator.fake_2" in "".join(training.go(30, **figures))
    assert len(training.lines) == 1


def test_the_hook_of_the_score_curve_warns_by_itself():
    curve = HOOKS.build({"type": "ScoreCurveHook"})
    training = Training(build(), others=[curve])
    assert training.go(30, discriminator__fake=0.0, discriminator__real=1.0) == []


def test_predictions_of_one_class():
    training = Training(build())
    assert training.go(30, every=5, unlabeled__top_class=0.98) == []
    assert training.go(15, every=5, unlabeled__top_class=1.0) == []
    (line,) = training.go(20, every=5, unlabeled__top_class=1.0)
    assert "unlabeled.top_class" in line
    assert "start later" in line


@pytest.mark.parametrize("name", ["selected", "pulled"])
def test_a_selection_that_stays_empty(name):
    training = Training(build())
    figure = f"unlabeled__{name}"
    assert training.go(40, **{figure: 0.01}) == []
    assert training.go(15, **{figure: 0.0}) == []
    (line,) = training.go(20, **{figure: 0.0})
    assert f"unlabeled.{name}" in line
    assert "threshold" in line


def test_a_resumed_training_remembers_by_its_log():
    training = Training(build())
    training.go(10, unlabeled__selected=0.0)
    hub = MessageHub(f"health_{id(training)}_resumed")
    hub.load_state_dict(training.runner.message_hub.state_dict())
    resumed = Training(build(), hub=hub)
    assert len(resumed.go(10, unlabeled__selected=0.0)) == 1


def test_the_share_is_computed_for_the_lines_of_the_log_only():
    model = build_model().train()
    wrapper = optimizers(model)
    training = Training(build(), model)
    found = []
    for iteration in range(6):
        training.hook.before_train_iter(training.runner, iteration)
        log = model.train_step(batch(seed=iteration), wrapper)
        model.teacher.update(model.segmentor)
        found.append("unlabeled.top_class" in log)
        share = log.get("unlabeled.top_class")
        assert share is None or 0.25 <= float(share) <= 1
    assert found == [False] * 4 + [True, False]


def test_the_share_is_that_of_the_commonest_class():
    model = build_model().train()
    data = model.data_preprocessor(batch(), True)
    step = model.make_step(data["inputs"], data["data_samples"])
    assert step.top_classes() == {}
    logits = step.student(step["unlabeled"]).logits
    logits = logits.argmax(dim=1).flatten().tolist()
    expected = max(logits.count(value) for value in set(logits)) / len(logits)
    step.student(step["labeled"]).full_logits  # noqa: B018
    assert list(step.top_classes()) == ["unlabeled.top_class"]
    assert float(step.top_classes()["unlabeled.top_class"]) == pytest.approx(expected)


@pytest.mark.parametrize(
    "options",
    [{"won_gap": 1.1}, {"collapsed_above": -1}, {"empty_below": 2}, {"empty_for": 0}],
)
def test_arguments(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))}=.*allowed"):
        build(**options)


def test_it_is_switched_on_everywhere():
    cfg = Config.fromfile(config_folders()[0] / "_base_/default_runtime.py")
    assert cfg.default_hooks.health.type == "HealthHook"
