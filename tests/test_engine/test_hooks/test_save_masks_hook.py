"""Predicted label maps of a test, under the names of the images."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import sample
from mmengine.structures import PixelData
from mmseg.registry import DATASETS, HOOKS
from PIL import Image

from mmseg_semisup.core import file_names
from mmseg_semisup.core.errors import ConfigError


def runner(root, names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((2, 3, 3), np.uint8)).save(path)
    data = DATASETS.build({"type": "UnlabeledDataset", "data_root": str(root)})
    loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=data))
    return SimpleNamespace(test_loop=loop)


@pytest.mark.parametrize("reduced", [False, True])
def test_images_of_one_name_in_two_folders(tmp_path, reduced):
    names = ["camera_a/1.png", "camera_b/1.png", "camera_b/deep/1.png"]
    testing = runner(tmp_path / "images", names)
    hook = HOOKS.build({"type": "SaveMasksHook", "folder": str(tmp_path / "out")})
    hook.before_test(testing)
    for number, name in enumerate(names):
        output = sample((2, 3))
        output.set_metainfo({"img_path": str(tmp_path / "images" / name)})
        output.set_metainfo({"reduce_zero_label": reduced})
        output.pred_sem_seg = PixelData(data=torch.full((1, 2, 3), number))
        hook.after_test_iter(testing, number, None, [output])
    for number, name in enumerate(names):
        saved = np.array(Image.open(tmp_path / "out" / name))
        assert saved.tolist() == [[number + reduced] * 3] * 2


def test_a_file_system_that_takes_two_names_for_one(tmp_path, monkeypatch):
    testing = runner(tmp_path, ["b/A.png", "b/a.png", "b/c.png"])
    hook = HOOKS.build({"type": "SaveMasksHook", "folder": str(tmp_path / "out")})
    hook.before_test(testing)
    monkeypatch.setattr(file_names, "_are_one", lambda *_: True)
    with pytest.raises(ConfigError, match="overwrite each other: A and a; rename"):
        hook.before_test(testing)


def test_a_flat_folder_keeps_the_names_of_its_images(tmp_path):
    testing = runner(tmp_path, ["b/1.png", "b/2.png"])
    hook = HOOKS.build({"type": "SaveMasksHook", "folder": "out"})
    hook.before_test(testing)
    assert sorted(hook._names.values()) == ["1", "2"]
