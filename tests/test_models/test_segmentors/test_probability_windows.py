"""Mean probabilities of sliding windows."""

from __future__ import annotations

import itertools

import pytest
import torch
from helpers import NUM_CLASSES, tiny_segmentor
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_semisup.models.segmentors.probability_windows import windows

SLIDE = {"mode": "slide", "crop_size": (20, 24), "stride": (12, 16)}


def network(type_="ProbabilityEncoderDecoder", test_cfg=SLIDE, **head):
    torch.manual_seed(0)
    cfg = ConfigDict({**tiny_segmentor(**head), "type": type_, "test_cfg": test_cfg})
    built = MODELS.build(cfg).eval()
    torch.nn.init.normal_(built.decode_head.conv_seg.weight, std=3)
    return built


def metas(count, size):
    shapes = ("ori_shape", "img_shape", "pad_shape")
    return [dict.fromkeys(shapes, size) for _ in range(count)]


@pytest.mark.parametrize(
    ("size", "window", "stride", "rows", "columns"),
    [
        # UniMatch V2 and UniMatch on Cityscapes.
        ((1024, 2048), 798, 532, [0, 226], [0, 532, 1064, 1250]),
        ((1024, 2048), 801, 534, [0, 223], [0, 534, 1068, 1247]),
        ((798, 1330), 798, 532, [0], [0, 532]),
        ((500, 300), 798, 532, [0], [0]),
    ],
)
def test_windows_of_an_image(size, window, stride, rows, columns):
    found = list(windows(size, (window, window), (stride, stride)))
    begins = [(row.start, column.start) for row, column in found]
    assert begins == list(itertools.product(rows, columns))
    assert all(s.stop - s.start == window for pair in found for s in pair)


def test_equals_a_loop_over_pixels():
    net, size = network(), (40, 50)
    images = torch.rand(2, 3, *size)
    total, count = torch.zeros(2, NUM_CLASSES, *size), torch.zeros(size)
    for top, left in itertools.product((0, 12, 20), (0, 16, 26)):
        window = images[:, :, top : top + 20, left : left + 24]
        probs = net.encode_decode(window, metas(2, window.shape[2:])).softmax(1)
        for y, x in itertools.product(range(20), range(24)):
            total[:, :, top + y, left + x] += probs[:, :, y, x]
            count[top + y, left + x] += 1
    logits = net.inference(images, metas(2, size))
    torch.testing.assert_close(logits.softmax(1), total / count)
    mean_of_logits = network("EncoderDecoder").inference(images, metas(2, size))
    assert not torch.equal(logits.argmax(1), mean_of_logits.argmax(1))


def test_windows_are_those_of_mmseg():
    """Where windows do not overlap, the probabilities are mmseg's."""
    cfg = {"mode": "slide", "crop_size": (20, 24), "stride": (20, 24)}
    images = torch.rand(1, 3, 40, 48)
    mine, theirs = (
        network(kind, cfg).inference(images, metas(1, (40, 48))).softmax(1)
        for kind in ("ProbabilityEncoderDecoder", "EncoderDecoder")
    )
    torch.testing.assert_close(mine, theirs)


def test_impossible_classes_stay_finite():
    net = network()
    with torch.no_grad():
        net.decode_head.conv_seg.bias[0] = 1e4
    logits = net.inference(torch.rand(1, 3, 40, 50), metas(1, (40, 50)))
    assert torch.isfinite(logits).all()
    assert (logits.argmax(1) == 0).all()


def test_heads_with_sigmoids_are_normalised():
    loss = {"type": "CrossEntropyLoss", "use_sigmoid": True}
    net = network(loss_decode=loss)
    probs = net.inference(torch.rand(1, 3, 40, 50), metas(1, (40, 50))).exp()
    torch.testing.assert_close(probs.sum(1), torch.ones(1, 40, 50))


def test_a_prediction_has_the_size_of_the_file():
    net, size = network(), (40, 50)
    samples = [SegDataSample(metainfo=metas(1, size)[0])]
    result = net.predict(torch.rand(1, 3, *size), samples)[0]
    assert result.pred_sem_seg.data.shape == (1, *size)


def test_a_stride_that_leaves_pixels_out_is_refused():
    net = network(test_cfg={**SLIDE, "stride": (12, 30)})
    with pytest.raises(ValueError, match=r"stride=\(12, 30\) leaves pixels"):
        net.inference(torch.rand(1, 3, 40, 50), metas(1, (40, 50)))
