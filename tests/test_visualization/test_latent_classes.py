"""What latent classes group, in words and pictures."""

from __future__ import annotations

import mmcv
import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_semisup.core.palette import default_palette
from mmseg_semisup.visualization.latent_classes import (
    describe,
    draw_sample,
    draw_table,
    latent_entries,
    latent_palette,
    super_categories,
)

CLASSES = ("ground", "cow", "sheep", "dog")
TABLE = torch.tensor(
    [[0.9, 0.1, 0.0], [0.1, 0.0, 0.9], [0.2, 0.0, 0.8], [0.4, 0.3, 0.3]]
)


def test_classes_of_one_latent_class_are_a_super_category():
    assert super_categories(TABLE, CLASSES) == {0: ["ground"], 2: ["cow", "sheep"]}
    text = describe(TABLE, CLASSES)
    assert "latent class 2: cow + sheep" in text
    assert text.endswith("in no latent class by more than 0.5: dog")
    assert "no latent class" not in describe(TABLE, CLASSES, threshold=0.35)


def test_the_tables_picture_is_bright_where_probability_is_high():
    picture = draw_table(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), ("a", "b"))
    yellow = (picture == np.array([253, 231, 36])).all(2).sum()
    violet = (picture == np.array([68, 1, 84])).all(2).sum()
    assert yellow > 100
    assert 0.8 < yellow / violet < 1.3


def test_latent_classes_stand_beside_the_prediction(tmp_path):
    path = str(tmp_path / "image.png")
    mmcv.imwrite(np.full((24, 24, 3), 90, dtype=np.uint8), path)
    sample = SegDataSample(metainfo={"img_path": path})
    shape = (1, 24, 24)
    sample.pred_sem_seg = PixelData(data=torch.zeros(shape, dtype=torch.long))
    latent = np.ones((12, 12), dtype=np.uint8)
    palette = [(0, 0, 0), (9, 9, 9)]
    colors = [(0, 0, 0), (5, 6, 7)]
    bare = draw_sample(sample, latent, palette, colors, photos=False)
    assert bare.shape[1] == 2 * 240 + 4
    assert (bare[-1, -1] == colors[1]).all()
    assert (bare[-1, 0] == 0).all()
    sample.gt_sem_seg = PixelData(data=torch.zeros(shape, dtype=torch.long))
    full = draw_sample(sample, latent, palette, colors)
    assert full.shape[1] == 4 * 240 + 3 * 4


def test_groups_have_colours_of_their_own_and_a_legend():
    palette = default_palette(7 + len(CLASSES))[7:]
    colors = latent_palette(TABLE, palette)
    assert colors[0] == palette[0]
    others = [tuple(color) for color in colors[1:]]
    assert len(set(others) | set(map(tuple, palette))) == len(CLASSES) + 2
    shown = [np.array([[0, 2]], np.uint8), np.array([[1]], np.uint8)]
    entries = latent_entries(TABLE, CLASSES, colors, shown)
    assert list(entries) == ["0: ground", "1: of no class", "2: cow + sheep"]
    assert list(entries.values()) == colors
