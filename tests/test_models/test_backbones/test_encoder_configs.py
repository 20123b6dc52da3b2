import pytest

from mmseg_semisup.models.backbones.encoder_configs import (
    ENCODERS,
    default_outputs,
    encoder_patch,
)


@pytest.mark.parametrize(
    ("stages", "outputs"),
    [
        (4, (0, 1, 2, 3)),
        (1, (0,)),
        (12, (2, 5, 8, 11)),
        (24, (4, 11, 17, 23)),
        (32, (7, 15, 23, 31)),
        (40, (9, 19, 29, 39)),
    ],
)
def test_default_outputs_are_those_of_dpt(stages, outputs):
    assert default_outputs(stages) == outputs


def test_registers_change_nothing_else():
    for size in ("small", "base", "large", "giant"):
        plain = dict(ENCODERS[f"dinov2-{size}"])
        plain.pop("use_mask_token")
        more = {"model_type": "dinov2_with_registers", "num_register_tokens": 4}
        assert ENCODERS[f"dinov2-{size}-registers"] == {**plain, **more}


@pytest.mark.parametrize(
    ("arch", "side"),
    [
        ("dinov2-large-registers", 14),
        ("dinov3-vitl16", 16),
        ("dinov3-convnext-tiny", None),
        ("some/folder", None),
        ({"model_type": "dinov2", "patch_size": 8}, 8),
        ({"model_type": "swin", "patch_size": 4, "depths": [2, 2]}, None),
    ],
)
def test_sides_are_multiples_of_the_patch(arch, side):
    assert encoder_patch(arch) == side
