"""Overlapping windows, blended."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmseg.models.segmentors import EncoderDecoder

from mmseg_semisup.export.blended_windows import blended

SIZES = {
    "several": ((50, 71), (16, 24), (4, 8)),
    "one": ((9, 12), (16, 24), (4, 8)),
    "without overlap": ((40, 40), (16, 24), (0, 0)),
    "more than two": ((50, 71), (16, 24), (12, 18)),
    "one row": ((16, 71), (16, 24), (4, 8)),
}


def assemble(size, window, overlap, scores, batch_size):
    """All blocks in one map, (C, H, W), and how often each pixel is in one."""
    whole, count = None, np.zeros(size, int)
    for rows, columns, values in blended(size, window, overlap, scores, batch_size):
        if whole is None:
            whole = torch.full((len(values), *size), torch.nan)
        whole[:, rows, columns] = values
        count[rows, columns] += 1
    assert (count == 1).all()
    return whole


def by_definition(size, window, overlap, predict):
    """The weighted mean of all windows, in float64."""
    total = np.zeros((2, *size))
    weight = np.zeros(size)
    sides = [min(w, n) for w, n in zip(window, size, strict=True)]
    begins = []
    for n, w, o in zip(size, sides, overlap, strict=True):
        step = max(w - o, 1) if w < n else n
        last = math.ceil((n - w) / step)
        begins.append([math.floor(i / max(last, 1) * (n - w)) for i in range(last + 1)])
    ramps = [
        np.array([min(i + 1, w - i, o + 1) / (o + 1) for i in range(w)])
        for w, o in zip(sides, overlap, strict=True)
    ]
    each = np.outer(*ramps)
    for y in begins[0]:
        for x in begins[1]:
            place = np.s_[y : y + sides[0], x : x + sides[1]]
            total[(slice(None), *place)] += each * predict(y, x).numpy()
            weight[place] += each
    return total / weight


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("case", SIZES)
def test_the_mean_of_windows_by_their_weights(case, batch_size):
    size, window, overlap = SIZES[case]
    sides = [min(w, n) for w, n in zip(window, size, strict=True)]

    def predict(y, x):
        generator = torch.Generator().manual_seed(1000 * y + x)
        return torch.randn(2, *sides, generator=generator)

    def scores(windows):
        assert len(windows) <= batch_size
        return torch.stack([predict(rows.start, cols.start) for rows, cols in windows])

    found = assemble(size, window, overlap, scores, batch_size)
    expected = by_definition(size, window, overlap, predict)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", SIZES)
def test_where_windows_agree_it_is_slide_inference_of_mmseg(case):
    size, window, overlap = SIZES[case]
    image = torch.randn(1, 2, *size)

    class Pointwise(EncoderDecoder):
        """Its prediction of a pixel does not depend on the others."""

        def __init__(self) -> None:
            torch.nn.Module.__init__(self)
            stride = [w - o for w, o in zip(window, overlap, strict=True)]
            self.test_cfg = ConfigDict(mode="slide", crop_size=window, stride=stride)
            self.out_channels = 2

        def encode_decode(self, inputs, batch_img_metas):
            return inputs.sin()

    model = Pointwise()
    expected = model.inference(image, [{"ori_shape": size}])[0]

    def scores(windows):
        parts = [image[:, :, rows, columns] for rows, columns in windows]
        return model.encode_decode(torch.cat(parts), None)

    found = assemble(size, window, overlap, scores, 2)
    torch.testing.assert_close(found, expected)


def test_a_window_has_no_seam():
    """One that predicts 1 among others that predict 0 ends in small steps."""
    overlap = 7

    def scores(windows):
        chosen = [rows.start == 9 and cols.start == 9 for rows, cols in windows]
        return torch.stack([torch.full((1, 16, 16), float(each)) for each in chosen])

    whole = assemble((43, 43), (16, 16), (overlap, overlap), scores, 1)[0]
    steps = [whole.diff(dim=dim).abs().max() for dim in (0, 1)]
    assert whole.max() == 1
    assert max(steps) <= 1 / (overlap + 1) + 1e-6
