"""The curve of a discriminator's scores, its warning and its state."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmseg_semisup.visualization.score_curve_hook import ScoreCurveHook, draw_scores


class FakeRunner:
    """As much of a runner as the hook uses."""

    rank = 0

    def __init__(self, iteration=0):
        self.iter = iteration
        self.warnings = []
        self.pictures = []
        self.logger = SimpleNamespace(warning=self.warnings.append)
        self.visualizer = SimpleNamespace(
            add_image=lambda name, picture, step: self.pictures.append((name, picture))
        )


def figures(fake=0.1, real=0.9, accuracy=1.0):
    values = {"fake": fake, "real": real, "accuracy": accuracy}
    return {f"discriminator.{k}": torch.tensor(v) for k, v in values.items()}


def advance(hook, runner, steps, **values):
    for _ in range(steps):
        hook.after_train_iter(runner, runner.iter, outputs=figures(**values))
        runner.iter += 1


def test_a_point_is_the_mean_of_its_interval():
    hook, runner = ScoreCurveHook(interval=2, won_for=4), FakeRunner()
    advance(hook, runner, 1, fake=0.1, real=0.6, accuracy=0.5)
    assert hook.points == []
    advance(hook, runner, 1, fake=0.3, real=0.8, accuracy=1.0)
    assert hook.points == [pytest.approx([2, 0.2, 0.7, 0.75])]
    ((name, picture),) = runner.pictures
    assert name == "discriminator_scores"
    assert picture.dtype == np.uint8


def test_the_warning_comes_once_and_again_after_a_loss():
    hook, runner = ScoreCurveHook(interval=10, won_for=50), FakeRunner()
    advance(hook, runner, 49)
    assert not runner.warnings
    advance(hook, runner, 1)
    assert len(runner.warnings) == 1
    assert "50 iterations" in runner.warnings[0]
    assert "99%" in runner.warnings[0]
    advance(hook, runner, 30)
    assert len(runner.warnings) == 1
    advance(hook, runner, 10, accuracy=0.9)
    advance(hook, runner, 40)
    assert len(runner.warnings) == 1
    advance(hook, runner, 10)
    assert len(runner.warnings) == 2


def test_nothing_is_read_from_the_device_inside_an_interval(monkeypatch):
    hook, runner = ScoreCurveHook(interval=5, won_for=5), FakeRunner()
    read = []
    original = torch.Tensor.tolist
    monkeypatch.setattr(
        torch.Tensor, "tolist", lambda self: read.append(1) or original(self)
    )
    monkeypatch.setattr(torch.Tensor, "item", lambda self: pytest.fail("item"))
    advance(hook, runner, 4)
    assert not read
    advance(hook, runner, 1)
    assert len(read) == 1


@pytest.mark.parametrize("stop", [3, 10, 37])
def test_resumed_it_goes_on_as_if_nothing_had_happened(stop):
    def accuracy(i):
        return 1.0 if i < 40 else 0.98

    def run(hook, runner, end):
        while runner.iter < end:
            advance(
                hook, runner, 1, fake=runner.iter / 100, accuracy=accuracy(runner.iter)
            )

    whole, runner = ScoreCurveHook(interval=10, won_for=30), FakeRunner()
    run(whole, runner, 60)
    first, begun = ScoreCurveHook(interval=10, won_for=30), FakeRunner()
    run(first, begun, stop)
    checkpoint = {}
    first.before_save_checkpoint(begun, checkpoint)
    run(first, begun, stop + 5)  # what was saved does not change
    second, resumed = ScoreCurveHook(interval=10, won_for=30), FakeRunner(stop)
    second.after_load_checkpoint(resumed, checkpoint)
    second.before_train(resumed)
    run(second, resumed, 60)
    assert second.points == whole.points
    assert len(resumed.warnings) + (stop > 30) == len(runner.warnings) == 1


def test_weights_alone_bring_no_curve():
    hook = ScoreCurveHook(interval=1, won_for=1)
    advance(hook, FakeRunner(), 3)
    checkpoint = {}
    hook.before_save_checkpoint(None, checkpoint)
    fresh, runner = ScoreCurveHook(), FakeRunner()
    fresh.after_load_checkpoint(runner, checkpoint)
    fresh.before_train(runner)
    assert fresh.points == []


def test_the_picture_shows_both_curves():
    low = draw_scores([[100, 0.1, 0.9], [200, 0.1, 0.9]])
    blue = np.argwhere((low == [31, 119, 180]).all(2))
    orange = np.argwhere((low == [255, 127, 14]).all(2))
    assert len(blue) > 50
    assert len(orange) > 50
    assert blue[:, 0].min() < orange[:, 0].max() - 100


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="interval=100, won_for=250"):
        ScoreCurveHook(won_for=250)
    with pytest.raises(ValueError, match=r"won_above=99"):
        ScoreCurveHook(won_above=99)
    with pytest.raises(ValueError, match=r"'discriminator\.fake' 0 times.*'loss'"):
        ScoreCurveHook().after_train_iter(
            FakeRunner(), 0, outputs={"loss": torch.tensor(0.0)}
        )
