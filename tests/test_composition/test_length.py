"""Shorter trainings, alone and as stages."""

import pytest
from plain_configs import plain_config

from mmseg_semisup.composition import compose, compose_recorded
from mmseg_semisup.composition.length import scaled_schedule
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.stages.plan import split_stages

SCHEDULE = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=False, begin=0, end=100),
    dict(type="PolyLR", power=0.9, eta_min=0.0, by_epoch=False, begin=100, end=1000),
]
LONG = dict(
    train_cfg=dict(max_iters=1000, val_interval=100),
    param_scheduler=SCHEDULE,
    default_hooks=dict(checkpoint=dict(type="CheckpointHook", interval=200)),
)


def spans(cfg):
    return [(schedule.begin, schedule.end) for schedule in cfg.param_scheduler]


def test_a_share_shortens_schedule_validation_and_checkpoints():
    block = dict(base="cutmix", iterations=0.25)
    cfg, record = compose_recorded(plain_config(**LONG), block, "photos")
    assert (cfg.train_cfg.max_iters, cfg.train_cfg.val_interval) == (250, 25)
    assert cfg.default_hooks.checkpoint.interval == 50
    assert spans(cfg) == [(0, 25), (25, 250)]
    assert "250 of the config's 1000 iterations" in record.notes


def test_a_schedule_of_the_method_ends_with_the_shorter_training():
    own = dict(discriminator=[dict(type="PolyLR", power=0.9, eta_min=0.0)])
    block = dict(base="adv_semi_seg", iterations=0.5, param_scheduler=own)
    cfg = compose(plain_config(**LONG), block, "photos")
    ends = {name: parts[-1].end for name, parts in cfg.param_scheduler.items()}
    assert ends == {"segmentor": 500, "discriminator": 501}


def test_stages_share_the_length_of_the_config():
    block = dict(
        base="st",
        stages=dict(
            stage1=dict(method=dict(iterations=0.25)),
            stage2=dict(method=dict(iterations=0.25)),
            stage3=dict(base="stage1", method=dict(base="cutmix", iterations=0.5)),
        ),
    )
    cfg = compose(plain_config(**LONG), block, "photos")
    stages = split_stages(cfg)
    lengths = [stage.cfg.train_cfg.max_iters for stage in stages]
    assert lengths == [250, 250, 500]
    own = "a step of one process: 2 labeled"
    quarter = "250 of the config's 1000 iterations"
    assert cfg.composed.notes == [
        f"stage1: {own} images",
        f"stage1: {quarter}",
        f"stage2: {own}, 2 pseudo images",
        f"stage2: {quarter}",
        f"stage3: {own}, 2 unlabeled images",
        "stage3: 500 of the config's 1000 iterations",
    ]
    first, second, third = stages
    assert list(third.cfg.model.objectives) == ["consistency"]
    assert spans(first.cfg) == [(0, 25), (25, 250)]
    assert spans(second.cfg) == [(0, 25), (25, 250)]


def test_a_stage_changes_the_named_method_of_the_one_before():
    """What all stages note is said once."""
    again = dict(base="first", method=dict(iterations=0.5))
    block = dict(stages=dict(first=dict(method="cutmix"), second=again))
    plain = plain_config(custom_hooks=[dict(type="EMAHook")], **LONG)
    cfg = compose(plain, block, "photos")
    first, second = split_stages(cfg)
    assert second.cfg.model == first.cfg.model
    assert second.cfg.train_cfg.max_iters == 500
    assert cfg.composed.notes == [
        "a step of one process: 2 labeled, 2 unlabeled images",
        "EMAHook is left out: the teacher is the averaged network",
        "second: 500 of the config's 1000 iterations",
    ]


def test_the_length_in_epochs():
    loop = dict(_delete_=True, type="EpochBasedTrainLoop", max_epochs=30)
    schedule = [dict(type="MultiStepLR", milestones=[10, 20], by_epoch=True)]
    plain = plain_config(train_cfg=loop, param_scheduler=schedule)
    cfg = compose(plain, dict(base="cutmix", iterations=0.1), "photos")
    assert cfg.train_cfg.max_epochs == 3
    assert cfg.param_scheduler[0].milestones == [1, 2]


@pytest.mark.parametrize("share", [0, -0.5, 1.5])
def test_a_share_is_above_0_and_at_most_1(share):
    with pytest.raises(ConfigError, match="method.iterations=.*above 0, at most 1"):
        compose(plain_config(), dict(base="cutmix", iterations=share), "photos")


def test_none_takes_a_share_back():
    shorter = dict(base="cutmix", iterations=0.5)
    block = dict(
        stages=dict(
            first=dict(method=shorter),
            second=dict(base="first", method=dict(iterations=None)),
        )
    )
    first, second = split_stages(compose(plain_config(**LONG), block, "photos"))
    assert first.cfg.train_cfg.max_iters == 500
    assert second.cfg.train_cfg.max_iters == 1000


@pytest.mark.parametrize(
    "part",
    [
        dict(iterations=0.5),
        dict(teacher=dict(momentum=0.5)),
        dict(objectives=dict(entropy=dict(type="EntropyObjective"))),
        dict(ratio=dict(unlabeled=2)),
    ],
)
def test_a_part_beside_the_stages_is_refused(part):
    """None of the stages would read it."""
    (name,) = part
    message = rf"method.{name}=.*stages.NAME.method=dict\({name}=.*NAME: stage1, stage2"
    with pytest.raises(ConfigError, match=message):
        compose(plain_config(), dict(base="st", **part), "photos")


def test_the_length_of_a_stage_that_trains_nothing_is_refused():
    fused = dict(fused=dict(method=dict(iterations=0.5)))
    message = "stages.fused.method.iterations=0.5: task='evaluate' trains nothing"
    with pytest.raises(ConfigError, match=message):
        compose(plain_config(), dict(base="s4gan_mlmt", stages=fused), "photos")


def test_schedules_by_name_are_scaled_and_stay_as_they_are():
    before = dict(segmentor=[dict(type="StepLR", step_size=10, gamma=0.5)])
    assert scaled_schedule(before, 3) == dict(
        segmentor=[dict(type="StepLR", step_size=30, gamma=0.5)]
    )
    assert before["segmentor"][0]["step_size"] == 10
    assert scaled_schedule(None, 0.5) is None
