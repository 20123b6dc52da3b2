"""What a transform is for, by its class."""

from __future__ import annotations

import mmcv.transforms
import pytest
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose
from mmseg.datasets import transforms

from mmseg_semisup.datasets.transform_kinds import loads_file, loads_mask, walk


class LoadOwnAnnotations(BaseTransform):
    """A user's."""

    def __repr__(self):
        return "LoadOwnAnnotations()"

    def transform(self, results):
        """Nothing."""
        return results


@pytest.mark.parametrize(
    ("step", "file", "mask"),
    [
        ({"type": "LoadImageFromFile"}, True, False),
        ({"type": "mmseg.LoadAnnotations"}, True, True),
        ({"type": mmcv.transforms.LoadAnnotations}, True, True),
        (transforms.LoadAnnotations, True, True),
        (transforms.LoadAnnotations(), True, True),
        ({"type": "LoadBiomedicalAnnotation"}, True, True),
        (LoadOwnAnnotations(), True, True),
        ({"type": "LoadPseudoMask"}, True, False),
        ({"type": "PackSegInputs"}, False, False),
        ({"type": "NoSuchTransform"}, False, False),
    ],
    ids=str,
)
def test_kinds(step, file, mask):
    assert loads_file(step) == file
    assert loads_mask(step) == mask


def test_walking_enters_transforms_within_others():
    flip = {"type": "RandomFlip", "prob": 0.5}
    pipeline = Compose(
        [
            {"type": "RandomApply", "transforms": [flip]},
            {"type": "RandomChoice", "transforms": [[flip], [{"type": "RGB2Gray"}]]},
            {
                "type": "MultiView",
                "shared": [{"type": "CLAHE"}],
                "views": {
                    "unlabeled": [{"type": "Rerange"}, {"type": "PackSegInputs"}]
                },
            },
        ]
    )
    names = [type(step).__name__ for step in walk(pipeline)]
    assert names.count("RandomFlip") == 2
    assert {"RGB2Gray", "CLAHE", "Rerange", "PackSegInputs"} <= set(names)
