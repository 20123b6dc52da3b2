import types

import pytest
from mmseg.datasets.transforms import transforms
from mmseg.registry import TRANSFORMS

from mmseg_semisup.composition.pipelines import kind_of
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets.view_geometry import apply_tracked


class ImageOnlyTransform:
    def __init__(self, **_):
        pass


class Blur(ImageOnlyTransform):
    pass


class HorizontalFlip:
    pass


class OneOf:
    def __init__(self, transforms, **_):
        self.transforms = transforms


class Compose:
    def __init__(self, transforms, **_):
        self.transforms = transforms

    def __call__(self, image, **others):
        return {"image": image + 1, **others}


@pytest.fixture
def albumentations(monkeypatch):
    """A package with the classes that mmseg and the check ask for."""
    kinds = (ImageOnlyTransform, Blur, HorizontalFlip, OneOf)
    package = types.SimpleNamespace(**{kind.__name__: kind for kind in kinds})
    monkeypatch.setattr(transforms, "albumentations", package)
    monkeypatch.setattr(transforms, "Compose", Compose)
    monkeypatch.setattr(transforms, "ALBU_INSTALLED", True)


def albu(*steps):
    return {"type": "Albu", "transforms": list(steps), "bgr_to_rgb": False}


BLUR = {"type": "Blur", "p": 0.5}
BLURS = {"type": "OneOf", "transforms": [BLUR, BLUR]}


def test_changes_of_colour_count_as_appearance(albumentations):
    step = albu(BLUR, BLURS)
    assert kind_of(step) == "appearance"
    results, matrix = apply_tracked([TRANSFORMS.build(step)], {"img": 1})
    assert results["img"] == 2
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


@pytest.mark.parametrize("inner", [[], [BLUR]])
def test_what_moves_pixels_is_refused(albumentations, inner):
    flip = {"type": "HorizontalFlip"}
    step = albu(*inner, {"type": "OneOf", "transforms": [flip]})
    with pytest.raises(ConfigError, match="HorizontalFlip of albumentations, in Albu"):
        kind_of(step)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(transforms, "albumentations", None)
    with pytest.raises(ConfigError, match="pip install albumentations"):
        kind_of(albu(BLUR))
