"""What the wrapper promises besides training any model of mmseg."""

from __future__ import annotations

import copy
import gc

import pytest
import torch
from helpers import PREPROCESSOR, batch, sample, tiny_segmentor
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from tiny_methods import METHODS, build_method, method_batch, optimizers_of

CONSISTENCY = {"type": "ConsistencyObjective", "threshold": 0.0, "mix": "none"}


def build(**changes):
    cfg = {
        "type": "SemiSegmentor",
        "segmentor": tiny_segmentor(),
        "data_preprocessor": PREPROCESSOR,
    }
    return MODELS.build({**cfg, **changes})


def test_takes_the_segmentors_own_preprocessor():
    own = {**PREPROCESSOR, "type": "SegDataPreProcessor", "mean": [9.0] * 3}
    segmentor = {**tiny_segmentor(), "data_preprocessor": own}
    model = build(segmentor=segmentor, data_preprocessor=None)
    assert type(model.data_preprocessor).__name__ == "SemiDataPreprocessor"
    assert model.data_preprocessor.mean.flatten().tolist() == [9.0] * 3


def test_a_plain_checkpoint_loads_as_the_student():
    plain = MODELS.build(tiny_segmentor())
    model = build(teacher={"momentum": 0.9}, objectives=[CONSISTENCY])
    result = model.load_state_dict(plain.state_dict(), strict=False)
    assert not result.unexpected_keys
    for name, value in plain.state_dict().items():
        assert torch.equal(model.segmentor.state_dict()[name], value)


def test_the_first_step_starts_the_teacher_at_the_students_weights():
    model = build(teacher={"momentum": 0.9}, objectives=[CONSISTENCY]).train()
    with torch.no_grad():
        for p in model.segmentor.parameters():
            p.add_(1.0)
    data = batch(views=("unlabeled", "unlabeled_strong"))
    model(**model.data_preprocessor(data, True), mode="loss")
    for p, q in zip(
        model.segmentor.parameters(), model.teacher.network.parameters(), strict=True
    ):
        assert torch.equal(p, q)


def test_a_teacher_that_nobody_updates_is_noticed():
    model = build(teacher={"momentum": 0.9}, objectives=[CONSISTENCY]).train()
    data = model.data_preprocessor(batch(views=("unlabeled", "unlabeled_strong")), True)
    model.iteration.value = 64
    with pytest.raises(RuntimeError, match="TeacherUpdateHook"):
        model(**data, mode="loss")


def test_networks_run_at_most_once_and_only_when_asked():
    model = build(teacher={"momentum": 0.9}, objectives=[CONSISTENCY] * 1).train()
    calls = []
    for name in ("student", "teacher"):
        network = model.network(name)
        network.backbone.register_forward_hook(lambda *_, n=name: calls.append(n))
    views = ("unlabeled", "unlabeled_strong", "unlabeled_other")
    model(**model.data_preprocessor(batch(views=views), True), mode="loss")
    assert sorted(calls) == ["student", "student", "teacher"]


def test_predicts_like_the_plain_segmentor():
    model = build().eval()
    images = torch.rand(1, 3, 40, 48)
    with torch.no_grad():
        (ours,) = model(images, [sample((40, 48))], mode="predict")
        (theirs,) = model.segmentor(images, [sample((40, 48))], mode="predict")
    assert torch.equal(ours.seg_logits.data, theirs.seg_logits.data)


def test_predictions_carry_maps_on_request():
    model = build(
        teacher={"momentum": 0.9},
        objectives=[CONSISTENCY],
        test_cfg={"signal_maps": True, "predict_with": "teacher"},
    ).eval()
    with torch.no_grad():
        (result,) = model(torch.rand(1, 3, 32, 32), [sample((32, 32))], mode="predict")
    probs = result.seg_logits.data.softmax(0)
    assert torch.equal(result.confidence.data, probs.amax(0, keepdim=True))


def test_an_all_ignored_batch_trains_on():
    model = build().train()
    data = model.data_preprocessor(batch(), True)
    for one in data["data_samples"]["labeled"]:
        one.gt_sem_seg.data[:] = 255
    losses = model(**data, mode="loss")
    assert losses["labeled.decode.loss_ce"] == 0
    losses["labeled.decode.loss_ce"].backward()
    assert all(p.grad.isfinite().all() for p in model.segmentor.parameters())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher": {"momentun": 0.9}}, r"teacher: .*'momentun'; allowed.*momentum"),
        ({"teacher": {}}, "teacher: missing 'momentum'"),
        ({"objectives": [CONSISTENCY]}, r"objectives\.consistency.*needs a teacher"),
        (
            {"objectives": [{"type": "Consistent"}]},
            "type='Consistent' is not a registered",
        ),
        ({"test_cfg": {"predict_with": "both"}}, "predict_with='both'; allowed"),
        ({"test_cfg": {"predict_with": "teacher"}}, "but teacher=None"),
        ({"data_preprocessor": {"maen": 1}}, r"data_preprocessor.*'maen'.*'mean'"),
    ],
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_one_output_for_two_classes_is_refused():
    segmentor = tiny_segmentor(num_classes=2, out_channels=1, threshold=0.5)
    with pytest.raises(ValueError, match="set out_channels=2"):
        build(segmentor=segmentor)


def test_a_missing_branch_is_named():
    model = build(teacher={"momentum": 0.9}, objectives=[CONSISTENCY]).train()
    with pytest.raises(ValueError, match=r"'unlabeled_strong'.*\['labeled', 'unlab"):
        model(**model.data_preprocessor(batch(), True), mode="loss")


def test_an_ordinary_batch_is_refused():
    model = build().train()
    with pytest.raises(ValueError, match="branch_collate"):
        model(torch.rand(1, 3, 32, 32), [sample((32, 32))], mode="loss")


def test_a_head_without_classifier_is_named():
    model = build().train()
    head = model.segmentor.decode_head
    classifier = copy.deepcopy(head.conv_seg)
    head.cls_seg = lambda x: classifier(x)
    head.conv_seg = None
    step = model.make_step(**model.data_preprocessor(batch(), True))
    with pytest.raises(ValueError, match="FCNHead has no module `conv_seg`"):
        _ = step.student(step["labeled"]).embedding


def test_the_embedding_is_what_the_classifier_reads():
    model = build().train()
    step = model.make_step(**model.data_preprocessor(batch(), True))
    output = step.student(step["labeled"])
    again = model.segmentor.decode_head.conv_seg(output.embedding)
    assert torch.equal(again, output.logits)


def test_who_asks_without_gradients_takes_none_from_others():
    model = build(objectives=[])
    step = model.make_step(**model.data_preprocessor(batch(), True))
    with torch.no_grad():
        assert step.student(step["unlabeled"]).probs.requires_grad
        assert step.student(step["unlabeled"]).feats[0].requires_grad
        other = model.make_step(**model.data_preprocessor(batch(), True))
    assert not other.student(other["unlabeled"]).probs.requires_grad


def test_parts_of_objectives_are_initialised_as_their_configs_say():
    head = {**tiny_segmentor()["decode_head"]}
    head["init_cfg"] = {
        "type": "Constant",
        "val": 0.5,
        "override": {"name": "conv_seg"},
    }
    model = build(objectives=[{"type": "TwinBranchObjective", "head": head}])
    model.init_weights()
    assert (model.objectives[0].twin_branch.head.conv_seg.weight == 0.5).all()


def test_batch_statistics_of_one_image_name_the_batch_size():
    head = dict(type="PSPHead", pool_scales=(1, 2), norm_cfg=dict(type="BN"))
    segmentor = tiny_segmentor(**head)
    del segmentor["decode_head"]["num_convs"]
    model = build(segmentor=segmentor).train()
    losses = model(**model.data_preprocessor(batch(), True), mode="loss")
    assert losses["labeled.decode.loss_ce"].isfinite()
    data = model.data_preprocessor(batch(labeled=1), True)
    sizes = r"\{'labeled': 1, 'unlabeled': 2\}. Raise train_dataloader.batch_size"
    with pytest.raises(ValueError, match=sizes):
        model(**data, mode="loss")


@pytest.mark.parametrize("method", METHODS)
def test_a_step_leaves_nothing_to_the_garbage_collector(method):
    """Circles of references would keep the maps of hundreds of steps."""
    model = build_method(method)
    wrapper = build_optim_wrapper(model, optimizers_of(model))
    for number in range(2):
        model.train_step(method_batch(number, 2, 2), wrapper)
        model.follow()
    data = method_batch(2, 2, 2)
    gc.collect()
    gc.disable()
    try:
        model.train_step(data, wrapper)
        model.follow()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = [tuple(x.shape) for x in gc.garbage if isinstance(x, torch.Tensor)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == []
