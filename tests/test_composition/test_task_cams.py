"""A classifier whose activation maps become the masks of the next stage."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mmseg.registry import MODELS
from PIL import Image
from plain_configs import LOAD, MASKS, draw_images, plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.stages.plan import split_stages
from mmseg_semisup.stages.run import check_map_sizes

TOOLS = Path(__file__).parents[2] / "tools"
METHOD = "context_aware_weak"


def composed(**changes):
    return compose(plain_config(**changes), METHOD, weak="photos/labels.txt")


def test_the_classifier_learns_masks_and_labels():
    first, _ = split_stages(composed())
    cfg = first.cfg
    assert set(cfg.train_dataloader.dataset.sources) == {"labeled", "weak"}
    assert dict(cfg.train_dataloader.sampler.ratio) == {"labeled": 1, "weak": 1}
    for source in cfg.train_dataloader.dataset.sources.values():
        [shared] = [[step.type for step in source.pipeline[-1].shared]]
        assert shared == ["RandomCrop", "RandomFlip"]
    model = MODELS.build(cfg.model)
    assert model.classifier.fc.bias is None
    assert model.teacher is None


def test_the_length_is_a_share_of_the_segmentors():
    loop = dict(max_iters=92560, val_interval=5785)
    first, second = split_stages(composed(train_cfg=loop))
    assert first.cfg.train_cfg.max_iters == 3307
    assert second.cfg.train_cfg.max_iters == 92560


def test_the_masks_of_the_maps_are_learned():
    first, second = split_stages(composed())
    assert type(second.masks).__name__ == "CamSettings"
    assert second.masks.sources == ["weak"]
    assert second.data_cfg._cfg_dict == first.cfg._cfg_dict
    source = second.cfg.train_dataloader.dataset.sources.unlabeled
    assert (source.type, source.store) == ("PseudoMaskDataset", "{pseudo_masks}")
    load, own, multi = source.pipeline
    assert (load, own) == (LOAD, dict(type="LoadPseudoMask", store=None))
    assert MASKS not in source.pipeline
    model = MODELS.build(second.cfg.model)
    assert set(model.required_views) <= {"labeled", *multi.views}
    assert set(model.objectives) == {"context_contrast", "weak_mask"}
    assert {view[-1].type for view in multi.views.values()} == {"PackPseudoMask"}


def test_images_that_no_stage_reads_are_refused():
    with pytest.raises(ConfigError, match=f"'{METHOD}' reads no unlabelled images"):
        compose(plain_config(), METHOD, "photos", weak="labels.txt")
    with pytest.raises(ConfigError, match=r"learns image labels, .* \(--weak LABELS"):
        compose(plain_config(), METHOD)


@pytest.mark.parametrize(
    ("stage", "options", "message"),
    [
        ("segmentor", dict(kind="maps"), "kind='maps'; allowed: .*'cams'"),
        (
            "segmentor",
            dict(kind="predictions", sources=["weak"]),
            "model.type of class",
        ),
        ("segmentor", dict(network="teacher"), "network='teacher', but classifier has"),
        ("segmentor", dict(scale=[1.0]), "no option 'scale'; did you mean 'scales'"),
        ("segmentor", dict(sources=["week"]), r"no \['week'\]; there are"),
        ("classifier", dict(kind="cams"), "no stage before it"),
    ],
)
def test_mistakes_in_the_settings_of_masks_are_named(stage, options, message):
    changes = dict(stages={stage: dict(pseudo_masks=options)})
    cfg = compose(plain_config(), dict(base=METHOD, **changes), weak="labels.txt")
    with pytest.raises(ConfigError, match=message):
        split_stages(cfg)


def test_a_backbone_for_certain_sizes_is_refused():
    unet = dict(type="UNet", base_channels=4, num_stages=3, _delete_=True)
    for key, value in dict(strides=1, enc_num_convs=1, enc_dilations=1).items():
        unet[key] = (value,) * 3
    for key, value in dict(dec_num_convs=1, downsamples=True, dec_dilations=1).items():
        unet[key] = (value,) * 2
    head = dict(in_channels=4, in_index=2)
    check_map_sizes(split_stages(composed()))
    with pytest.raises(ConfigError, match="segmentor: .* UNet cannot run on 75x97"):
        check_map_sizes(
            split_stages(composed(model=dict(backbone=unet, decode_head=head)))
        )


def test_maps_of_a_segmentor_are_refused():
    method = dict(base="three_stage", stages=dict(stage2=dict(pseudo_masks={})))
    method["stages"]["stage2"]["pseudo_masks"] = dict(_delete_=True, kind="cams")
    with pytest.raises(ConfigError, match="model.type of stage1 is 'SemiSegmentor'"):
        split_stages(compose(plain_config(), method, "photos"))


@pytest.mark.slow
def test_one_command_trains_both_stages(tmp_path):
    draw_images(tmp_path / "data", images=8, masks=4)
    plain_config(iters=20).dump(tmp_path / "plain.py")
    (tmp_path / "labels.txt").write_text("train5: object\ntrain6:\n")
    command = [sys.executable, TOOLS / "train.py", "plain.py", "--method", METHOD]
    command += ["--weak", "labels.txt", "data/train/images", "--work-dir", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    masks = tmp_path / "out" / "segmentor" / "pseudo_masks" / "masks"
    shown = {m.stem: set(np.unique(Image.open(m))) for m in masks.glob("*.png")}
    assert set(shown) == {"train5", "train6"}
    assert 1 in shown["train5"]
    assert 1 not in shown["train6"]
    assert "classes have no pixel: background, object" not in done.stdout
    assert (tmp_path / "out" / "segmentor" / "iter_20.pth").is_file()
