"""ST++: the reliable half is labelled first, by a ranking; and the run goes on."""

from __future__ import annotations

import json

import pytest
import torch
from plain_configs import draw_images, plain_config
from tiny_training import weights

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.datasets import PseudoMaskDataset
from mmseg_semisup.datasets.pseudo_mask_store import Store
from mmseg_semisup.pseudo_masks.network import BatchPredictor
from mmseg_semisup.pseudo_masks.reliability import LIST, RANKING
from mmseg_semisup.stages import split_stages, train_stages
from test_stages.test_run_kinds import StopHere, state, without_printing

METHOD = {"base": "st_plus_plus"}
UNKNOWN = "{stage9.pseudo_masks}"
LATE = {"interval": 9, "offset": 6}


def config(root, method=METHOD):
    cfg = plain_config(root, default_hooks=dict(checkpoint=dict(interval=2)))
    cfg.train_dataloader.dataset.data_root = str(root / "train")
    composed = compose(cfg, method, unlabeled=[str(root / "train" / "images")])
    composed.log_level = "ERROR"
    return composed


def run(root, work):
    cfg = config(root)
    cfg.work_dir = str(work)
    train_stages(cfg, dry_run="off")


@pytest.fixture
def root(tmp_path, monkeypatch, safe_checkpoints):
    draw_images(tmp_path, images=9, masks=3)
    without_printing(monkeypatch)
    return tmp_path


@pytest.mark.slow
def test_a_stopped_run_ends_as_an_undisturbed_one(root, monkeypatch):
    whole, stopped = root / "whole", root / "stopped"
    run(root, whole)
    ranked = json.loads((whole / "stage2" / RANKING).read_text())["images"]
    assert len(ranked) == 6
    lines = (whole / "stage2" / LIST).read_text().splitlines()
    first, rest = (
        [record["image"] for record in Store(folder).read_manifest()["images"]]
        for folder in (whole / "stage2/pseudo_masks", whole / "stage3/pseudo_masks")
    )
    assert sorted(first) == sorted(lines[:3])
    assert sorted(rest) == sorted(lines[3:])
    both = PseudoMaskDataset(
        [str(whole / stage / "pseudo_masks") for stage in ("stage2", "stage3")]
    )
    assert len(both) == 6

    label, calls = BatchPredictor.logits, []

    def stopping(self, images):
        calls.append(1)
        # In the ranking; and then in the masks of the last stage.
        if len(calls) in (2, 7):
            raise StopHere
        return label(self, images)

    monkeypatch.setattr(BatchPredictor, "logits", stopping)
    done = {}
    for _ in range(2):
        with pytest.raises(StopHere):
            run(root, stopped)
        assert done.items() <= state(stopped).items()
        done = state(stopped)
    run(root, stopped)
    assert done.items() <= state(stopped).items()
    for stage in ("stage1", "stage2", "stage3"):
        mine, theirs = (weights(w / stage / "iter_4.pth") for w in (stopped, whole))
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs)
    texts = [(work / "stage2" / LIST).read_text() for work in (whole, stopped)]
    assert texts[0] == texts[1]


def test_the_stages_know_each_others_masks(root):
    first, second, third = split_stages(config(root))
    assert set(first.cfg.model.networks) == {"early", "middle"}
    assert second.masks.share == 0.5
    assert third.stores == ["stage2"]
    stores = third.runnable("work").train_dataloader.dataset.sources.pseudo.store
    assert stores == ["work/stage2/pseudo_masks", "work/stage3/pseudo_masks"]


def stages(**changes):
    return {**METHOD, "stages": changes}


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (
            stages(stage2={"pseudo_masks": {"judges": ["erly"]}}),
            r"judges='erly', but stage1 has .* did you mean 'early'\?",
        ),
        (
            stages(stage3={"pseudo_masks": {"rest_of": "stage1"}}),
            r"rest_of='stage1': no such stage before it makes masks; .* \['stage2'\]",
        ),
        (
            stages(stage3={"pseudo_masks": {"sources": ["labeled"]}}),
            r"rest_of='stage2': its masks are of the sources \['unlabeled'\]",
        ),
        (
            stages(stage3={"method": {"sources": {"pseudo": {"store": UNKNOWN}}}}),
            r"\{stage9.pseudo_masks\}: no stage 'stage9' before it makes masks",
        ),
        (
            stages(stage1={"method": {"networks": {"early": LATE}}}),
            "snapshot 'early' of stage1 is first taken after 6 steps, but there are 4",
        ),
    ],
)
def test_mistakes_are_named(root, method, message):
    with pytest.raises(ConfigError, match=message):
        split_stages(config(root, method))


def test_masks_of_one_image_in_two_stores_are_refused(root, monkeypatch):
    monkeypatch.setattr(Store, "check", lambda *_: None)
    record = {"id": "a", "image": str(root / "train/images/train0.png")}
    manifest = {"classes": ["x"], "palette": [[0, 0, 0]], "images": [record]}
    monkeypatch.setattr(Store, "read_manifest", lambda _: manifest)
    with pytest.raises(ValueError, match=r"train0\.png has a mask in two and another"):
        PseudoMaskDataset(["one", "two"])
    with pytest.raises(ValueError, match=r"store=\[\]; name at least one folder"):
        PseudoMaskDataset([])
