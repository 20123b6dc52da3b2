import pytest
import torch
from mmseg.registry import MODELS
from tiny_encoders import decode_by_definition, unimatch_v2_state

from mmseg_semisup.models.heads import UniMatchDPTHead, from_unimatch_v2

CHANNELS = [4, 6, 8, 10]
SIZES = {
    "small": (384, 64, [48, 96, 192, 384]),
    "base": (768, 128, [96, 192, 384, 768]),
    "large": (1024, 256, [256, 512, 1024, 1024]),
    "giant": (1536, 384, [1536] * 4),
}


def head(**changes):
    arguments = dict(in_channels=16, num_classes=5, channels=8, out_channels=CHANNELS)
    return UniMatchDPTHead(**{**arguments, **changes})


@pytest.mark.parametrize("grid", [(4, 4), (5, 7)])
def test_logits_and_gradients_are_those_of_the_definition(grid):
    state = unimatch_v2_state(16, 8, CHANNELS, 5, layers=1, tokens=25, hidden=32)
    state = {k: v.double() for k, v in state.items()}
    own = head().double().eval()
    renamed = from_unimatch_v2(state)
    own.load_state_dict(
        {
            k.removeprefix("decode_head."): v
            for k, v in renamed.items()
            if k.startswith("decode_head.")
        }
    )
    torch.manual_seed(0)
    maps = [torch.randn(2, 16, *grid, dtype=torch.double) for _ in range(4)]
    one, other = ([m.clone().requires_grad_() for m in maps] for _ in range(2))
    logits, expected = own(one), decode_by_definition(state, other)
    assert logits.shape == (2, 5, 8 * grid[0], 8 * grid[1])
    torch.testing.assert_close(logits, expected)
    for result in (logits, expected):
        result.square().sum().backward()
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_levels_at_518_pixels_have_the_published_sizes():
    with torch.device("meta"):
        net, maps = head(), [torch.rand(1, 16, 37, 37) for _ in range(4)]
    rows = []
    for fusion in net.fusions:
        fusion.register_forward_pre_hook(lambda _, x: rows.append(x[0].shape[2]))
    assert net(maps).shape == (1, 5, 296, 296)
    assert rows == [19, 37, 74, 148]


def test_the_published_sizes_have_their_parameters():
    width, features, channels = SIZES["base"]
    with torch.device("meta"):
        net = UniMatchDPTHead(width, 21, features, channels)
    # Our decoder lacks the unit that theirs never uses.
    unused = 2 * (9 * features**2 + features)
    count = sum(p.numel() for p in net.parameters()) + unused
    theirs = unimatch_v2_state(
        width, features, channels, 21, layers=0, tokens=1, hidden=1
    )
    assert count == sum(v.numel() for k, v in theirs.items() if k.startswith("head."))
    assert count / 1e6 == pytest.approx(10.9, abs=0.05)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_decodes(size):
    width, features, channels = SIZES[size]
    with torch.device("meta"):
        net = UniMatchDPTHead(width, 21, features, channels)
        logits = net([torch.rand(1, width, 4, 4)] * 4)
    assert logits.shape == (1, 21, 32, 32)


def test_every_parameter_has_a_gradient():
    net = head()
    net([torch.rand(1, 16, 4, 4) for _ in range(4)]).sum().backward()
    assert [n for n, p in net.named_parameters() if p.grad is None] == []


def test_the_embedding_is_in_front_of_the_classifier():
    net, seen = head(), []
    net.conv_seg.register_forward_pre_hook(lambda _, x: seen.append(x[0].shape))
    net([torch.rand(1, 16, 4, 4) for _ in range(4)])
    assert seen == [(1, 8, 32, 32)]


def test_a_backbone_with_one_level_is_refused():
    with pytest.raises(ValueError, match="backbone gives 1; set its out_indices"):
        head()([torch.rand(1, 16, 4, 4)])


def test_a_pyramid_is_refused():
    maps = [torch.rand(1, 16, n, n) for n in (8, 4, 2, 1)]
    with pytest.raises(ValueError, match=r"maps of one size.*UPerHead"):
        head()(maps)


def test_four_levels_are_needed():
    with pytest.raises(ValueError, match="allowed: 4 numbers each"):
        head(out_channels=(8, 8))


def test_a_linear_head_is_mmsegs_without_convolutions():
    cfg = dict(
        type="FCNHead",
        in_channels=[16] * 4,
        in_index=[0, 1, 2, 3],
        input_transform="resize_concat",
        channels=64,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0,
        num_classes=5,
    )
    net = MODELS.build(cfg)
    assert [tuple(p.shape) for p in net.parameters()] == [(5, 64, 1, 1), (5,)]
    assert net([torch.rand(1, 16, 4, 4) for _ in range(4)]).shape == (1, 5, 4, 4)
