import pytest
from plain_configs import plain_config

from mmseg_semisup.composition.blocks import resolve_method
from mmseg_semisup.composition.record import Record
from mmseg_semisup.composition.training import (
    compose_hooks,
    compose_optimizers,
    compose_schedules,
    compose_validation,
)
from mmseg_semisup.core.errors import ConfigError

SGD = dict(type="SGD", lr=0.01)
IOU = dict(type="IoUMetric", iou_metrics=["mIoU"])


def hooks_of(method="cutmix", default=None, custom=None, evaluator=IOU, record=None):
    block = resolve_method(method)
    return compose_hooks(default, custom, block, evaluator, record or Record())


def test_the_users_optimizer_stays_beside_the_discriminators():
    plain = dict(
        type="OptimWrapper",
        optimizer=SGD,
        clip_grad=dict(max_norm=1),
        accumulative_counts=4,
        paramwise_cfg=dict(norm_decay_mult=0),
    )
    composed = compose_optimizers(plain, resolve_method("adv_semi_seg"), Record())
    assert composed["segmentor"] == dict(
        optimizer=SGD,
        clip_grad=dict(max_norm=1),
        paramwise_cfg=dict(norm_decay_mult=0),
    )
    assert composed["accumulative_counts"] == 4
    assert composed["discriminator"]["optimizer"]["lr"] == 1e-4
    assert composed["constructor"] == "JointOptimWrapperConstructor"
    assert "precision" not in composed


@pytest.mark.parametrize(
    ("changes", "precision", "notes"),
    [
        ({}, "float16", 0),
        ({"dtype": "bfloat16"}, "bfloat16", 0),
        ({"loss_scale": 512.0}, "float16", 1),
    ],
)
def test_mixed_precision(changes, precision, notes):
    record = Record()
    plain = dict(type="AmpOptimWrapper", optimizer=SGD, **changes)
    composed = compose_optimizers(plain, {}, record)
    assert composed["precision"] == precision
    assert composed["segmentor"] == dict(optimizer=SGD)
    assert len(record.notes) == notes


def test_another_wrapper_is_refused():
    with pytest.raises(ConfigError, match="ApexOptimWrapper"):
        compose_optimizers(dict(type="ApexOptimWrapper", optimizer=SGD), {}, Record())


def test_several_optimizers_get_the_methods_beside_them():
    plain = dict(
        constructor="JointOptimWrapperConstructor", segmentor=dict(optimizer=SGD)
    )
    composed = compose_optimizers(plain, resolve_method("s4gan"), Record())
    assert set(composed) == {"constructor", "segmentor", "discriminator"}


def test_own_schedules():
    poly = [dict(type="PolyLR", power=0.9)]
    block = dict(param_scheduler=dict(discriminator=poly))
    optimizers = dict(constructor="x", segmentor=dict(optimizer=SGD), discriminator={})
    plain = [dict(type="LinearLR")]
    composed = compose_schedules(plain, block, optimizers, 100)
    assert composed == dict(
        segmentor=plain,
        discriminator=[
            dict(type="PolyLR", power=0.9, begin=0, end=101, by_epoch=False)
        ],
    )
    assert compose_schedules(plain, {}, optimizers, 100) == plain
    with pytest.raises(ConfigError, match="without `end`"):
        compose_schedules(plain, block, optimizers, None)


def test_the_rest_of_a_layer_decay_gets_the_users_schedule():
    block = dict(param_scheduler=dict(discriminator=[dict(type="ConstantLR")]))
    decay = dict(optimizer=SGD, constructor="LayerDecayOptimizerConstructor")
    optimizers = dict(segmentor=decay, discriminator={})
    assert compose_schedules(["plain"], block, optimizers, 9)["objectives"] == ["plain"]


def test_a_training_is_guarded():
    default, custom = hooks_of(
        default=dict(checkpoint=dict(type="CheckpointHook", interval=7))
    )
    assert default["checkpoint"]["type"] == "AtomicCheckpointHook"
    assert default["checkpoint"]["interval"] == 7
    assert default["checkpoint"]["save_best"] == "teacher/mIoU"
    assert default["health"] == dict(type="HealthHook")
    assert default["runtime_info"] == dict(type="DeferredInfoHook")
    assert [hook["type"] for hook in custom] == ["DataCheckHook", "TeacherUpdateHook"]


def test_the_users_hooks_stay():
    own = [dict(type="DataCheckHook", level="full"), dict(type="ProfilerHook")]
    default, custom = hooks_of(
        "s4gan",
        dict(checkpoint=dict(type="AtomicCheckpointHook", save_best="mAcc")),
        own,
    )
    assert custom[:2] == own
    assert [hook["type"] for hook in custom[2:]] == [
        "TeacherUpdateHook",
        "ScoreCurveHook",
    ]
    assert default["checkpoint"]["save_best"] == "mAcc"


def test_an_average_beside_the_teacher_is_left_out():
    record = Record()
    _, custom = hooks_of(custom=[dict(type="EMAHook")], record=record)
    assert "EMAHook" not in {hook["type"] for hook in custom}
    assert "EMAHook" in record.notes[0]
    _, custom = hooks_of("adv_semi_seg", custom=[dict(type="EMAHook")])
    assert custom[0] == dict(type="EMAHook")


@pytest.mark.parametrize(
    ("method", "stated", "evaluator", "best"),
    [
        ("adv_semi_seg", None, IOU, "mIoU"),
        ("cutmix", "mIoU", IOU, "teacher/mIoU"),
        ("cutmix", "student/mIoU", IOU, "student/mIoU"),
        ("cutmix", "auto", [IOU], "teacher/mIoU"),
        ("cutmix", None, {**IOU, "prefix": "val"}, "teacher/val/mIoU"),
        ("adv_semi_seg", None, {**IOU, "prefix": "val"}, "val/mIoU"),
        ("cutmix", "val/mIoU", {**IOU, "prefix": "val"}, "teacher/val/mIoU"),
        ("cutmix", ["mAcc", "student/mIoU"], IOU, ["teacher/mAcc", "student/mIoU"]),
        ("cps", "second/mIoU", IOU, "second/mIoU"),
        ("adv_semi_seg", None, dict(type="IoUMetric", iou_metrics=["mDice"]), None),
        ("adv_semi_seg", None, None, None),
    ],
)
def test_the_best_checkpoint(method, stated, evaluator, best):
    checkpoint = dict(type="CheckpointHook", save_best=stated)
    default, _ = hooks_of(method, dict(checkpoint=checkpoint), None, evaluator)
    assert default["checkpoint"].get("save_best") == best


def test_all_networks_are_validated():
    teacher, alone = resolve_method("cutmix"), resolve_method("s4gan")
    assert compose_validation(dict(type="ValLoop", fp16=True), teacher) == dict(
        type="TeacherStudentValLoop", fp16=True
    )
    assert compose_validation({}, teacher) == dict(type="TeacherStudentValLoop")
    assert compose_validation(dict(type="ValLoop"), alone) == dict(type="ValLoop")
    assert compose_validation(None, teacher) is None
    # Snapshots were validated when they were the student.
    snapshots = resolve_method("prevmatch")
    assert compose_validation(dict(type="ValLoop"), snapshots) == dict(type="ValLoop")
    snapshots["networks"]["slow"] = dict(type="Average", momentum=0.9)
    several = dict(type="TeacherStudentValLoop")
    assert compose_validation(dict(type="ValLoop"), snapshots) == several
    assert plain_config().val_cfg.type == "ValLoop"
