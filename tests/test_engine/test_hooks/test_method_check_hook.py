from __future__ import annotations

from types import SimpleNamespace

import pytest
from helpers import PREPROCESSOR, adversarial_objectives, tiny_segmentor
from mmengine.hooks import EMAHook
from mmseg.registry import HOOKS, MODELS
from tiny_methods import build_method

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.engine.hooks import NewBestHook, TeacherUpdateHook
from mmseg_semisup.engine.hooks.method_check_hook import networks_that_follow, starts


def model_of(**changes):
    cfg = {
        "type": "SemiSegmentor",
        "segmentor": tiny_segmentor(),
        "objectives": adversarial_objectives(),
        "data_preprocessor": PREPROCESSOR,
    }
    return MODELS.build({**cfg, **changes})


def check(model, hooks=(), iterations=10):
    runner = SimpleNamespace(model=model, hooks=hooks, max_iters=iterations)
    HOOKS.build({"type": "MethodCheckHook"}).before_train(runner)
    return True


def test_a_start_must_be_reached():
    start = {"labeled": 3, "unlabeled": 10}
    late = model_of(objectives=adversarial_objectives(start=start))
    assert check(late, iterations=11)
    message = r"model\.objectives\.adversarial\.start\.unlabeled=10: never .* in 10 it"
    with pytest.raises(ConfigError, match=message):
        check(late)


def test_what_has_no_weight_need_not_start():
    start, weights = {"labeled": 3, "unlabeled": 10}, {"labeled": 1, "unlabeled": 0}
    objectives = adversarial_objectives(start=start, weights=weights)
    objectives[1].update(weight=0.0, start=5000)
    assert check(model_of(objectives=objectives))


def test_shares_are_always_reached():
    objectives = adversarial_objectives()
    objectives[1].update(start=0.99)
    model = model_of(objectives=objectives)
    assert check(model)
    assert dict(starts(model))["model.objectives.self_taught.start"] == 0.99


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"teacher": {"momentum": 0.9}}, "teacher"),
        ({"networks": {"slow": {"type": "Average", "momentum": 0.9}}}, "networks.slow"),
        ({"networks": {"old": {"type": "Snapshot", "interval": 2}}}, "networks.old"),
    ],
)
def test_a_network_that_follows_must_be_moved(changes, name):
    model = model_of(**changes)
    assert networks_that_follow(model) == [name]
    with pytest.raises(ConfigError, match=rf"nothing moves model\.{name}: "):
        check(model)
    assert check(model, [TeacherUpdateHook()])
    with pytest.raises(ConfigError, match=rf"EMAHook, but model\.{name} is"):
        check(model, [TeacherUpdateHook(), EMAHook()])


def snapshots(*parts):
    networks = {f"old_{k}": {"type": "Snapshot", **p} for k, p in enumerate(parts)}
    return model_of(networks=networks)


def test_a_snapshot_must_be_taken():
    hooks = [TeacherUpdateHook()]
    late, early = {"interval": 10}, {"interval": 10, "offset": 4}
    assert check(snapshots(late, early), hooks)
    message = r"networks\.old_0 is first taken after 10 steps, .* has 10 \(train_cfg"
    with pytest.raises(ConfigError, match=message):
        check(snapshots(late), hooks)
    assert check(snapshots(late), hooks, iterations=11)


def test_snapshots_of_the_best_need_to_be_told():
    hooks = [TeacherUpdateHook()]
    model = snapshots({"interval": 8, "every": "best"})
    with pytest.raises(ConfigError, match=r"old_0\.every='best', but .*NewBestHook"):
        check(model, hooks)
    assert check(model, [*hooks, NewBestHook()])


def test_a_peer_has_an_optimizer():
    assert check(model_of(networks={"peer": {"type": "Peer"}}), [EMAHook()])


def test_a_classifier_is_checked_too():
    model = build_method("mlmt")
    model.consistency.start = 10
    with pytest.raises(ConfigError, match=r"nothing moves model\.teacher"):
        check(model)
    with pytest.raises(ConfigError, match=r"model\.consistency\.start=10: never"):
        check(model, [TeacherUpdateHook()])
