from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import PREPROCESSOR, tiny_segmentor
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS
from tiny_methods import build_method, method_batch, optimizers_of

from mmseg_semisup.dry_run.picture import (
    HATCH,
    Shown,
    draw_views,
    hatch,
    to_pictures,
    views_of_batch,
    views_of_step,
)
from mmseg_semisup.dry_run.step import take_step


@pytest.mark.parametrize("swap", [True, False])
@pytest.mark.parametrize("mean", [None, [100.0, 110.0, 120.0]])
def test_normalisation_is_undone(swap, mean):
    std = mean and [10.0, 20.0, 30.0]
    cfg = {**PREPROCESSOR, "mean": mean, "std": std, "bgr_to_rgb": swap}
    preprocessor = MODELS.build(cfg)
    image = torch.randint(0, 256, (3, 4, 5), dtype=torch.uint8)
    batch = method_batch(0, 1, 0)
    batch["inputs"] = {"labeled": [image]}
    batch["data_samples"] = {"labeled": [batch["data_samples"]["labeled"][0]]}
    del batch["data_samples"]["labeled"][0].gt_sem_seg
    found = to_pictures(preprocessor(batch, True)["inputs"]["labeled"], preprocessor)
    # mmcv loads blue first; pictures are red, green, blue.
    assert np.array_equal(found[0], image.permute(1, 2, 0).numpy()[..., ::-1])


def test_the_mixed_view_shows_what_was_pasted():
    model = build_method("mean_teacher_cutmix")
    wrapper = build_optim_wrapper(model, optimizers_of(model))
    batch = method_batch(0)
    taken = take_step(model, wrapper, batch, 100)
    shown, origins = views_of_step(taken.step, list(batch["inputs"]), model)
    assert origins == {"consistency.mixed": "unlabeled_strong"}
    assert set(shown) == {*batch["inputs"], "consistency.mixed"}
    mixed, before = shown["consistency.mixed"], shown["unlabeled_strong"]
    assert before.mixed is None
    share = mixed.mixed.mean()
    assert 0.15 < share < 0.6
    same = (mixed.images == before.images).all(axis=-1)
    assert same[~mixed.mixed].all()
    raw = views_of_batch(batch, 255)
    for name, view in raw.items():
        assert np.array_equal(view.images, shown[name].images), name
    assert np.array_equal(raw["labeled"].labels, shown["labeled"].labels)


def colours_in(picture):
    return {tuple(colour) for colour in picture.reshape(-1, 3)}


def test_the_picture_holds_masks_padding_boxes_and_a_legend():
    image = np.full((2, 200, 200, 3), 100, np.uint8)
    valid = np.ones((2, 200, 200), bool)
    labels = np.zeros((2, 200, 200), np.int64)
    labels[:, 100:] = 1
    palette = [[255, 0, 0], [0, 0, 255]]
    views = {"labeled": Shown(image, valid, labels)}
    groups = {"labeled": ["labeled"], "unlabeled": ["weak", "mine.mixed", "absent"]}
    plain = draw_views(views, groups, ["a", "b"], palette)
    # The rows of the two images, and the legend below.
    assert plain.shape[0] > 2 * 170
    assert {(255, 0, 0), (0, 0, 255)} <= colours_in(plain[-60:])
    body = plain[:360]
    assert not {HATCH[1], (255, 255, 0)} & colours_in(body)
    assert any(r > 180 and g == b < 80 for r, g, b in colours_in(body))

    labels[0, :50] = 255
    hatched = draw_views(views, groups, ["a", "b"], palette)
    assert HATCH[1] in colours_in(hatched[:360])

    mixed = np.zeros((2, 200, 200), bool)
    mixed[:, 50:100, 50:150] = True
    views = {
        "weak": Shown(image, valid),
        "mine.mixed": Shown(image, valid, None, mixed),
    }
    boxes = draw_views(views, groups, ["a", "b"], None)
    assert any(r > 200 and g > 200 and b < 60 for r, g, b in colours_in(boxes[:360]))
    valid[0, :, 150:] = False
    assert HATCH[1] in colours_in(draw_views(views, groups, ["a", "b"], None)[:360])


def test_few_images_and_many_classes():
    image = np.zeros((1, 8, 8, 3), np.uint8)
    labels = np.full((1, 8, 8), 149)
    views = {"labeled": Shown(image, np.ones((1, 8, 8), bool), labels)}
    names = [f"class {i}" for i in range(150)]
    picture = draw_views(views, {"labeled": ["labeled"]}, names, None)
    assert picture.shape[0] < 2 * 170
    assert hatch(labels[0]).shape == (8, 8, 3)


def test_a_model_with_other_views_is_drawn(tmp_path):
    cfg = {"type": "SemiSegmentor", "segmentor": tiny_segmentor()}
    model = MODELS.build({**cfg, "data_preprocessor": PREPROCESSOR})
    batch = method_batch(0)
    taken = take_step(
        model, build_optim_wrapper(model, optimizers_of(model)), batch, 10
    )
    shown, origins = views_of_step(taken.step, ["labeled"], model)
    assert shown["labeled"].labels is not None
    assert origins == {}
