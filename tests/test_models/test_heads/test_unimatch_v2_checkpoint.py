import pytest
import torch
from helpers import PREPROCESSOR
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS
from tiny_encoders import (
    DINOV2,
    decode_by_definition,
    encode_by_definition,
    unimatch_v2_state,
)

from mmseg_semisup.models.heads import from_unimatch_v2, to_unimatch_v2
from mmseg_semisup.models.heads.unimatch_v2_checkpoint import UNUSED

pytest.importorskip("transformers")
CHANNELS = [4, 6, 8, 10]
SHAPE = dict(layers=4, tokens=25, hidden=32)


def segmentor():
    return dict(
        type="EncoderDecoder",
        backbone=dict(type="TransformersBackbone", arch=DINOV2),
        decode_head=dict(
            type="UniMatchDPTHead",
            in_channels=16,
            num_classes=5,
            channels=8,
            out_channels=CHANNELS,
        ),
        train_cfg={},
        test_cfg=dict(mode="whole"),
    )


def theirs():
    return unimatch_v2_state(16, 8, CHANNELS, 5, **SHAPE)


def released(tmp_path):
    """A file as the authors' training saves it: student, average, other things."""
    state = {f"module.{k}": v for k, v in theirs().items()}
    student = {k: torch.zeros_like(v) for k, v in state.items()}
    file = tmp_path / "best.pth"
    torch.save({"model": student, "model_ema": state, "epoch": 3}, file)
    return f"unimatch-v2://{file}"


def test_a_released_file_predicts_what_the_authors_network_does(tmp_path):
    net = MODELS.build(segmentor()).eval()
    load_checkpoint(net, released(tmp_path), strict=True)
    x = torch.rand(1, 3, 42, 70)
    state = theirs()
    inside = {k[9:]: v for k, v in state.items() if k.startswith("backbone.")}
    expected = decode_by_definition(
        state, encode_by_definition(inside, x, heads=2, outputs=(0, 1, 2, 3))
    )
    torch.testing.assert_close(net._forward(x), expected, atol=1e-4, rtol=1e-4)


def test_student_and_teacher_load_a_released_file(tmp_path):
    model = MODELS.build(
        dict(
            type="SemiSegmentor",
            data_preprocessor=PREPROCESSOR,
            segmentor=segmentor(),
            teacher=dict(momentum=0.9),
        )
    )
    load_checkpoint(model, released(tmp_path))
    for network in (model.segmentor, model.teacher.network):
        back = to_unimatch_v2(network.state_dict())
        assert_same(back, theirs())


def assert_same(one, other):
    assert set(one) == set(other)
    for name, value in one.items():
        if UNUSED in name or name.endswith("mask_token"):
            assert not value.any()
            assert value.shape == other[name].shape
        else:
            assert torch.equal(value, other[name]), name


def test_ours_to_theirs_to_ours_is_the_same():
    net, other = (MODELS.build(segmentor()) for _ in range(2))
    state = to_unimatch_v2(net.state_dict())
    assert {k: v.shape for k, v in state.items()} == {
        k: v.shape for k, v in theirs().items()
    }
    other.load_state_dict(from_unimatch_v2(state))
    for name, value in other.state_dict().items():
        assert torch.equal(value, net.state_dict()[name]), name


@pytest.mark.parametrize("name", ["head.classifier.weight", "other.weight"])
def test_other_networks_are_refused(name):
    with pytest.raises(ValueError, match=f"'{name}' is no weight of UniMatch V2"):
        from_unimatch_v2({name: torch.zeros(1)})
    with pytest.raises(ValueError, match="no weight of UniMatchDPTHead"):
        to_unimatch_v2(
            {
                "decode_head.other.weight": torch.zeros(1),
                "backbone.encoder.embeddings.cls_token": torch.zeros(1, 1, 4),
            }
        )
