import pytest
from mmseg.registry import TRANSFORMS
from plain_configs import COLOURS, CROP, FLIP, LOAD, MASKS, PACK, PIPELINE

from mmseg_semisup.composition.pipelines import divide, kind_of, make_views
from mmseg_semisup.core.errors import ConfigError

WHOLE_CROP = {**CROP, "cat_max_ratio": 1.0}
RESIZE = {"type": "RandomResize", "scale": (64, 64), "ratio_range": (0.5, 2.0)}
TWO_CROPS = {"type": "DrawTwoCrops", "align": 16}


def views_of(pipeline, views, crop=None):
    return make_views(divide(pipeline), views, crop)[-1]


def test_transforms_are_sorted_by_their_purpose():
    found = divide(PIPELINE)
    assert found.load == [LOAD]
    assert found.geometry == [WHOLE_CROP, FLIP]
    assert found.appearance == [COLOURS]
    assert found.pack == PACK
    assert found.crop_size == (32, 40)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (LOAD, "load"),
        (MASKS, "mask"),
        ({"type": "GenerateEdge", "edge_width": 4}, "mask"),
        ({"type": "mmseg.RandomFlip", "prob": 0.5}, "geometry"),
        ({"type": "Pad", "size": (8, 8)}, "geometry"),
        ({"type": "RandomRotFlip"}, "geometry"),
        ({"type": "RandomCutOut"}, "appearance"),
        ({"type": "CLAHE"}, "geometry"),
        ({"type": "RandomMosaic", "prob": 0.5}, "mixing"),
        ({"type": "RandomApply", "transforms": [COLOURS]}, "appearance"),
        ({"type": "KeyMapper", "transforms": [COLOURS]}, "appearance"),
        ({"type": "RandomChoice", "transforms": [[COLOURS], [FLIP]]}, "geometry"),
    ],
)
def test_kinds(step, kind):
    assert kind_of(step) == kind


def test_an_unknown_transform_is_refused_with_advice():
    @TRANSFORMS.register_module(name="Shuffle_of_this_test")
    class Shuffle:
        pass

    with pytest.raises(ConfigError, match="Shuffle moves pixels.*register_geometry"):
        kind_of({"type": "Shuffle_of_this_test"})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("LoadMultipleRSImageFromFile", "pairs of images"),
        ("mmseg.LoadDepthAnnotation", "masks are depths"),
        ("LoadBiomedicalImageFromFile", "volumes"),
    ],
)
def test_samples_of_other_tasks_are_refused(name, reason):
    with pytest.raises(ConfigError, match=f"{name.partition('.')[2]}.*{reason}"):
        divide([{"type": name}, MASKS, PACK])


def test_conversions_are_in_all_views():
    grey = {"type": "RGB2Gray", "out_channels": 3}
    views = {"unlabeled": "weak", "unlabeled_strong": []}
    multi = views_of([LOAD, MASKS, grey, CROP, COLOURS, PACK], views)
    assert multi["shared"] == [grey, WHOLE_CROP]
    assert multi["views"]["unlabeled"] == [PACK]


def test_a_pipeline_must_pack():
    with pytest.raises(ConfigError, match="ends with 'RandomFlip'"):
        divide([LOAD, FLIP])


def test_a_weak_view_alone_has_the_colours():
    multi = views_of(PIPELINE, {"unlabeled": "weak", "unlabeled_strong": None})
    assert multi["shared"] == [WHOLE_CROP, FLIP]
    assert multi["views"] == {"unlabeled": [COLOURS, PACK]}


def test_a_weak_view_beside_a_strong_one_has_none():
    strong = [{"type": "CLAHE"}]
    multi = views_of(PIPELINE, {"unlabeled": "weak", "unlabeled_strong": strong})
    assert multi["views"] == {
        "unlabeled": [PACK],
        "unlabeled_strong": [{"type": "CLAHE"}, PACK],
    }


def test_a_view_asks_for_the_users_colours():
    views = {"unlabeled": "weak", "unlabeled_strong": ["appearance"]}
    assert views_of(PIPELINE, views)["views"]["unlabeled_strong"] == [COLOURS, PACK]
    without = [LOAD, MASKS, CROP, PACK]
    assert views_of(without, views)["views"]["unlabeled_strong"] == [COLOURS, PACK]


def test_two_crops_replace_the_random_one():
    pad = {"type": "Pad", "size": (32, 40)}
    pipeline = [LOAD, MASKS, RESIZE, CROP, FLIP, pad, COLOURS, PACK]
    views = {"a": [{"type": "TakeCrop", "which": 1}, COLOURS], "b": "weak"}
    multi = views_of(pipeline, views, TWO_CROPS)
    size = (32, 32)  # multiples of 16
    assert multi["shared"] == [RESIZE, {**TWO_CROPS, "crop_size": size}]
    assert multi["views"] == {
        "a": [{"type": "TakeCrop", "which": 1, "crop_size": size}, FLIP, COLOURS, PACK],
        "b": [{"type": "TakeCrop", "which": 0, "crop_size": size}, FLIP, PACK],
    }


def test_two_crops_need_a_size():
    with pytest.raises(ConfigError, match="no RandomCrop"):
        views_of([LOAD, MASKS, RESIZE, PACK], {"a": "weak"}, TWO_CROPS)


def test_the_share_of_a_class_is_left_out_at_any_depth():
    choice = {"type": "RandomChoice", "transforms": [[CROP], [RESIZE, CROP]]}
    found = divide([LOAD, MASKS, choice, PACK]).geometry
    assert found == [
        {"type": "RandomChoice", "transforms": [[WHOLE_CROP], [RESIZE, WHOLE_CROP]]}
    ]
