"""``tools/test.py`` on the images of a training source."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.core.errors import DataError
from mmseg_semisup.datasets.sources import evaluate_source

CONFIGS = Path(__file__).parents[2] / "configs"


def test_the_labelled_images_are_tested(run_tool, training, checkpoint, tmp_path):
    ids = tmp_path / "ids.txt"
    ids.write_text("1\n3\n")
    changes = f"""
model.update(objectives=[])
train_dataloader['dataset']['sources']['labeled']['ann_file'] = {str(ids)!r}
"""
    training.write_text(training.read_text() + changes)
    options = ["--out", tmp_path / "out", "--work-dir", tmp_path]
    run_tool("test.py", training, checkpoint, "--source", "labeled", *options)
    assert sorted(p.stem for p in (tmp_path / "out").glob("*.png")) == ["1", "3"]


def test_published_lists_and_masks_of_the_source():
    cfg = load_config(CONFIGS / "mlmt/mlmt_r101_3k_voc-529.py")
    source = cfg.train_dataloader.dataset.sources.labeled
    judged = cfg.val_dataloader.dataset
    pipeline, validated = judged.pipeline, judged.ann_file
    evaluate_source(cfg, "labeled")
    tested = cfg.test_dataloader.dataset
    assert Path(tested.ann_file).name == "mittal_529_labeled.txt"
    assert Path(tested.ann_file).is_file()
    assert tested.data_prefix == source.data_prefix
    assert tested.data_prefix.seg_map_path == "SegmentationClassAug"
    assert tested.pipeline == pipeline
    assert cfg.val_dataloader.dataset.ann_file == validated


def test_datasets_within_others():
    cfg = load_config(CONFIGS / "mlmt/mlmt_r101_3k_voc-529.py")
    sources = cfg.train_dataloader.dataset.sources
    several = dict(type="ConcatDataset", datasets=[sources.labeled, sources.labeled])
    sources.labeled = dict(type="RepeatDataset", times=2, dataset=several)
    cfg.test_dataloader.dataset = dict(
        type="ConcatDataset", datasets=[cfg.test_dataloader.dataset]
    )
    evaluate_source(cfg, "labeled")
    for part in cfg.test_dataloader.dataset.dataset.datasets:
        assert part.pipeline == cfg.val_dataloader.dataset.pipeline
        assert Path(part.ann_file).is_file()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("weak", {}, r"no such source, only \['labeled', 'unlabeled'\]"),
        ("unlabeled", {"exclude": ()}, "'unlabeled' has no masks"),
        ("unlabeled", {}, "exclude='source:labeled' cannot be tested"),
        ("labeled", {"ann_file": "split:voc12aug/x.txt"}, "no published list"),
        ("labeled", {"ann_file": "x.txt"}, "there is no list of ids"),
    ],
)
def test_mistakes_are_named(name, change, message):
    cfg = load_config(CONFIGS / "mlmt/mlmt_r101_3k_voc-529.py")
    cfg.train_dataloader.dataset.sources.get(name, {}).update(change)
    with pytest.raises(DataError, match=message):
        evaluate_source(cfg, name)
