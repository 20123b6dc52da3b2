import pytest
import torch

from mmseg_semisup.models.policies import ChannelDropout, ComplementaryDropout


def maps(count, channels=(6, 6, 4)):
    return [torch.ones(count, depth, 3, 2) for depth in channels]


@pytest.mark.parametrize(("count", "untouched"), [(1, 0), (2, 1), (4, 2), (5, 2)])
def test_channels_are_divided_between_two_views(count, untouched):
    torch.manual_seed(0)
    first, second = ComplementaryDropout().functions(2)
    pair = first(maps(count)), second(maps(count))
    for one, two in zip(*pair, strict=True):
        assert torch.equal(one + two, torch.full_like(one, 2))
        assert set(one.unique().tolist()) <= {0.0, 1.0, 2.0}
        # A factor belongs to a channel, not to a pixel.
        assert torch.equal(one.amax((2, 3)), one.amin((2, 3)))
    # Maps of one depth share the draw; the same images stay in all of them.
    assert torch.equal(pair[0][0], pair[0][1])
    stays = [(one == 1).flatten(1).all(1) for one in pair[0]]
    assert all(torch.equal(stays[0], other) for other in stays)
    assert stays[0].sum() == untouched


def test_a_batch_in_which_no_image_stays_is_told_once(capsys):
    policy = ComplementaryDropout()
    for count in (2, 1, 1):
        policy.functions(2)[0](maps(count))
    text = capsys.readouterr().err
    assert text.count("ComplementaryDropout leaves no image as it is") == 1
    ComplementaryDropout(0.0).functions(2)[0](maps(1))
    assert capsys.readouterr().err == ""


def test_the_mean_factor_is_one():
    torch.manual_seed(0)
    function, _ = ComplementaryDropout(0.0).functions(2)
    (scaled,) = function(maps(400, (50,)))
    assert scaled.mean().item() == pytest.approx(1, abs=0.02)


def test_each_step_has_its_own_draw():
    policy = ComplementaryDropout(0.0)
    first = [policy.functions(2)[0](maps(3, (64,)))[0] for _ in range(2)]
    assert not torch.equal(*first)


def test_half_precision_stays():
    feat = torch.ones(2, 4, 1, 1, dtype=torch.bfloat16)
    assert ComplementaryDropout().functions(2)[0]([feat])[0].dtype == torch.bfloat16


def test_channel_dropout_is_independent():
    torch.manual_seed(0)
    one, two = ChannelDropout(0.5).functions(2)
    first, second = one(maps(2, (64,)))[0], two(maps(2, (64,)))[0]
    assert set(first.unique().tolist()) == {0.0, 2.0}
    assert not torch.equal(first, second)


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="untouched=2"):
        ComplementaryDropout(2)
    with pytest.raises(ValueError, match="two views, not 3"):
        ComplementaryDropout().functions(3)
