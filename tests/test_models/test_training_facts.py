import pytest
import torch
from helpers import NUM_CLASSES, tiny_segmentor
from mmengine.logging import MessageHub
from mmseg.registry import MODELS
from torch import nn

from mmseg_semisup.models.objectives import ConsistencyObjective
from mmseg_semisup.models.step.step import Step
from mmseg_semisup.models.teacher import Teacher
from mmseg_semisup.models.training_facts import (
    check_time,
    iterations,
    labeled_images,
    total_iterations,
)


@pytest.fixture
def hub():
    hub = MessageHub.get_current_instance()
    before = {key: hub.get_info(key, 0) for key in ("max_iters", "labeled_images")}
    hub.update_info("max_iters", 200)
    hub.update_info("labeled_images", 10)
    yield hub
    for key, value in before.items():
        hub.update_info(key, value or 0)


def test_a_float_is_a_share_of_the_training(hub):
    assert [iterations(t) for t in (0, 7, 0.0, 0.25)] == [0, 7, 0, 50]
    assert total_iterations() == 200
    step = Step({}, {}, {}, iteration=50)
    assert step.before(0.26)
    assert not step.before(0.25)
    assert step.before(51)


def test_the_length_must_be_known(hub):
    hub.update_info("max_iters", 0)
    assert iterations(7) == 7
    with pytest.raises(ValueError, match="number of iterations is not known"):
        iterations(0.5)
    hub.update_info("labeled_images", 0)
    with pytest.raises(ValueError, match="number of labelled images is not known"):
        labeled_images()


@pytest.mark.parametrize("time", [-1, -0.1, 1.0, 500.0])
def test_ambiguous_times_are_refused(time):
    with pytest.raises(ValueError, match="x.start=.*whole number"):
        check_time("x.start", time)
    with pytest.raises(ValueError, match=r"ConsistencyObjective\.(start|ramp)"):
        ConsistencyObjective(start=time)


def test_a_ramp_is_a_share(hub):
    objective = ConsistencyObjective(weight=2.0, start=0.25, ramp=0.5)
    assert [objective.weight_at(i) for i in (50, 149, 180)] == [0.02, 2.0, 2.0]


def test_the_teachers_momentum_changes_after_shares(hub):
    student = nn.Linear(1, 1, bias=False)
    teacher = Teacher(student, [(0, 0.5), (0.5, 1.0)], ramp=False)
    nn.init.constant_(student.weight, 0.0)
    nn.init.constant_(teacher.network.weight, 8.0)
    teacher.update(student, iteration=99)
    assert teacher.network.weight.item() == 4.0
    teacher.update(student, iteration=100)
    assert teacher.network.weight.item() == 4.0
    with pytest.raises(ValueError, match="not both"):
        Teacher(student, [(0, 0.5), (0.5, 0.9), (100, 1.0)])


def test_a_share_begins_with_the_same_update_as_its_number(hub):
    hub.update_info("max_iters", 4)
    followed = []
    for momentum in ([(0, 0.5), (0.5, 1.0)], [(0, 0.5), (2, 1.0)]):
        torch.manual_seed(0)
        model = MODELS.build(
            {
                "type": "SemiSegmentor",
                "segmentor": tiny_segmentor(),
                "data_preprocessor": {"type": "SemiDataPreprocessor"},
                "teacher": {"momentum": momentum, "ramp": False},
            }
        )
        weight = model.segmentor.decode_head.conv_seg.weight
        values = []
        for _ in range(4):
            model.iteration.value += 1  # as the step does
            with torch.no_grad():
                weight.add_(1.0)
            model.follow()
            values.append(model.network("teacher").decode_head.conv_seg.weight.sum())
        followed.append(torch.stack(values))
    assert torch.equal(*followed)
    assert followed[0].unique().numel() == 2


def test_the_rate_of_latent_classes_follows_from_the_data(hub):
    cfg = {"type": "LatentClassObjective", "head": {"num_classes": 3}}
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "data_preprocessor": {"type": "SemiDataPreprocessor"},
            "objectives": {"latent_class": cfg},
        }
    )
    latent = model.objectives["latent_class"]
    counts = latent.cooccurrence + 1
    latent._average(counts, images=4)
    assert latent.cooccurrence.unique().item() == pytest.approx(0.4)
    assert latent.num_classes == NUM_CLASSES
