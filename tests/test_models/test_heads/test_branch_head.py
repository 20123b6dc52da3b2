import pytest
import torch
from helpers import tiny_segmentor
from mmseg.registry import MODELS

from mmseg_semisup.models.heads.branch_head import branch_head


def built(decode_head=None):
    cfg = tiny_segmentor()
    if decode_head is not None:
        cfg["decode_head"] = decode_head
        if isinstance(decode_head, list):
            cfg.update(type="CascadeEncoderDecoder", num_stages=len(decode_head))
    return MODELS.build(cfg), cfg["decode_head"]


def logits_of(segmentor, head, classes):
    branch = MODELS.build({**head, "num_classes": classes})
    return branch(segmentor.extract_feat(torch.rand(2, 3, 32, 32)))


def test_one_head_is_copied():
    segmentor, cfg = built()
    head = branch_head(segmentor, cfg)
    assert head == {k: v for k, v in cfg.items() if k != "loss_decode"}
    assert logits_of(segmentor, head, 7).shape[:2] == (2, 7)


def test_the_first_stage_of_a_cascade_is_copied():
    first = tiny_segmentor()["decode_head"]
    second = {
        "type": "OCRHead",
        "in_channels": 16,
        "in_index": 1,
        "channels": 8,
        "ocr_channels": 8,
        "num_classes": 4,
        "norm_cfg": {"type": "BN"},
    }
    segmentor, cfg = built([first, second])
    head = branch_head(segmentor, cfg)
    assert head["type"] == "FCNHead"
    assert logits_of(segmentor, head, 7).shape[:2] == (2, 7)


def test_a_head_of_several_maps_is_replaced_by_a_plain_one():
    several = {
        "type": "DAHead",
        "in_channels": 16,
        "in_index": 1,
        "channels": 8,
        "pam_channels": 8,
        "num_classes": 4,
        "norm_cfg": {"type": "BN", "requires_grad": True},
    }
    segmentor, cfg = built(several)
    head = branch_head(segmentor, cfg)
    assert head["type"] == "FCNHead"
    assert logits_of(segmentor, head, 7).shape[:2] == (2, 7)


@pytest.mark.parametrize("kind", ["TwinBranchObjective", "PseudoMaskObjective"])
def test_an_objective_without_a_head_gets_a_copy(kind):
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "data_preprocessor": {"type": "SemiDataPreprocessor"},
            "objectives": {"second": {"type": kind}},
        }
    )
    classifiers = [n for n, _ in model.objectives.named_modules() if "conv_seg" in n]
    assert len(classifiers) == 1


def model_with(stage):
    objective = {"type": "PseudoMaskObjective", "head": {"in_channels": 16}}
    segmentor = tiny_segmentor()
    segmentor["backbone"] = {
        "type": "ResNet",
        "depth": 18,
        "base_channels": 8,
        "stem_channels": 8,
        "num_stages": 2,
        "strides": (1, 2),
        "dilations": (1, 1),
        "out_indices": (0, 1),
    }
    segmentor["decode_head"].update(in_channels=16, in_index=-1)
    return MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor,
            "data_preprocessor": {"type": "SemiDataPreprocessor"},
            "objectives": {"second": {**objective, "stage": stage}},
        }
    )


def test_the_last_stage_of_a_branch_is_of_the_segmentors_backbone():
    stage = {"type": "ResNetLastStage", "width": 1.0}
    model = model_with(stage)
    assert model.objectives["second"].auxiliary.stage.in_channels == 8
    assert "backbone" not in stage
    other = {"type": "ResNet", "depth": 18, "base_channels": 16, "num_stages": 2}
    other.update(strides=(1, 2), dilations=(1, 1), out_indices=(0, 1))
    model = model_with({**stage, "backbone": other})
    assert model.objectives["second"].auxiliary.stage.in_channels == 16
