"""The generated scenes, and the program that compares methods on them."""

from __future__ import annotations

import json
import subprocess
from itertools import islice

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATA_SAMPLERS, DATASETS, MODELS
from processes import environment

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.datasets.read_image import read_mask
from mmseg_semisup.demo import dataset
from mmseg_semisup.demo import tiles as tiles_module
from mmseg_semisup.demo.__main__ import main, parse_args
from mmseg_semisup.demo.dataset import prepare_dataset
from mmseg_semisup.demo.report import Painter, make_table
from mmseg_semisup.demo.runs import (
    Run,
    TrainingError,
    clock,
    config_text,
    make_config,
    train_all,
)
from mmseg_semisup.demo.scenes import CLASSES, PALETTE, draw_scenes
from mmseg_semisup.demo.tiles import prepare_tiles

METHODS = ("supervised", "mean_teacher", "adv_semi_seg")
SPLITS = {"labeled": 4, "unlabeled": 6, "val": 3}


@pytest.fixture
def small(monkeypatch):
    """Few scenes in each split."""
    monkeypatch.setattr(dataset, "SPLITS", SPLITS)


@pytest.fixture
def quick_start(monkeypatch):
    """Trainings that do not format their configs."""
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])


@pytest.fixture
def data_root(tmp_path, small):
    """A generated data set."""
    prepare_dataset(tmp_path / "data", seed=3)
    return tmp_path / "data"


def log(folder, *lines: str) -> None:
    """Write a training's log."""
    (folder / "1" / "vis_data").mkdir(parents=True)
    (folder / "1" / "vis_data" / "scalars.json").write_text("\n".join(lines))


def test_scenes_depend_on_the_seed_only():
    first, again, other = (
        draw_scenes(5, 48, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first[0].shape == (5, 48, 48, 3)
    assert first[0].dtype == first[1].dtype == np.uint8
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_every_class_is_there_and_colour_does_not_tell_which():
    images, labels = draw_scenes(200, 48, np.random.default_rng(0))
    shares = np.bincount(labels.ravel(), minlength=len(CLASSES)) / labels.size
    assert len(shares) == len(CLASSES)
    assert shares[1:].min() > 0.06
    assert 0.4 < shares[0] < 0.7
    colors = np.stack([images[labels == c].mean(axis=0) for c in range(1, 5)])
    assert np.ptp(colors, axis=0).max() < 12
    spread = np.stack([images[labels == c].std(axis=0) for c in range(1, 5)])
    assert spread.min() > 3 * np.ptp(colors, axis=0).max()


def test_dataset_on_disk(data_root):
    images = {path.stem for path in (data_root / "images").iterdir()}
    masks = {path.stem for path in (data_root / "masks").iterdir()}
    lists = {
        split: (data_root / "splits" / f"{split}.txt").read_text().split()
        for split in SPLITS
    }
    assert {split: len(ids) for split, ids in lists.items()} == SPLITS
    assert sorted(sum(lists.values(), [])) == sorted(images)
    assert masks == {*lists["labeled"], *lists["val"]}
    mask = cv2.imread(str(data_root / "masks/val_0000.png"), cv2.IMREAD_UNCHANGED)
    assert mask.shape == (64, 64)
    assert mask.max() < len(CLASSES)


def test_dataset_is_drawn_again_for_another_seed_only(data_root):
    image = (data_root / "images/labeled_0000.png").read_bytes()
    assert not prepare_dataset(data_root, seed=3)
    assert prepare_dataset(data_root, seed=4)
    assert (data_root / "images/labeled_0000.png").read_bytes() != image
    (data_root / "dataset.json").unlink()
    assert prepare_dataset(data_root, seed=3)
    assert (data_root / "images/labeled_0000.png").read_bytes() == image


def labelled_batch(method, data_root) -> torch.Tensor:
    """Images and masks of the first eight labelled samples of a training."""
    loader = make_config(method, data_root, seed=0, iters=None).train_dataloader
    stream = DATASETS.build(loader.dataset)
    sampler = DATA_SAMPLERS.build(loader.sampler, default_args=dict(dataset=stream))
    samples = [stream[key] for key in islice(sampler, loader.batch_size)]
    chosen = [sample for sample in samples if "labeled" in sample["inputs"]]
    assert len(chosen) == 8
    return torch.stack(
        [
            torch.cat(
                [
                    sample["inputs"]["labeled"],
                    sample["data_samples"]["labeled"].gt_sem_seg.data,
                ]
            )
            for sample in chosen
        ]
    )


def test_all_methods_see_the_same_labelled_batches(data_root):
    batches = [labelled_batch(method, data_root) for method in METHODS]
    assert torch.equal(batches[0], batches[1])
    assert torch.equal(batches[0], batches[2])


def test_methods_differ_by_their_signals_only(tmp_path):
    configs = [make_config(method, tmp_path, 0, None) for method in METHODS]
    for key in ("val_dataloader", "train_cfg", "param_scheduler"):
        assert all(cfg[key] == configs[0][key] for cfg in configs)
    metrics = [cfg.val_evaluator for cfg in configs]
    scores = [m[0] if isinstance(m, list) else m for m in metrics]
    assert all(score == scores[0] for score in scores)
    for cfg in configs:
        assert cfg.model.segmentor == configs[0].model.segmentor
        assert cfg.optim_wrapper.segmentor == configs[0].optim_wrapper.segmentor
    assert configs[0].model.objectives == {}


def test_shorter_training_starts_its_signals_earlier(tmp_path):
    full = make_config("adv_semi_seg", tmp_path, 0, None)
    half = make_config("adv_semi_seg", tmp_path, 5, full.train_cfg.max_iters // 2)
    for cfg in (full, half):
        objectives = cfg.model.objectives
        starts = objectives.adversarial.start.unlabeled, objectives.self_taught.start
        assert starts == (0.25, 0.25)
    assert full.train_cfg.max_iters == 2 * half.train_cfg.max_iters
    assert half.param_scheduler[0].end == half.train_cfg.max_iters
    assert half.randomness.seed == half.train_dataloader.sampler.seed == 5
    sources = half.train_dataloader.dataset.sources
    roots = {source.data_root for source in sources.values()}
    assert roots == {half.val_dataloader.dataset.data_root} == {str(tmp_path)}


def test_log_tells_iteration_and_scores(tmp_path):
    run = Run("supervised", tmp_path / "supervised", tmp_path, 0, 40)
    assert run.iteration() == 0
    log(
        run.folder,
        json.dumps({"loss": 1.0, "time": 0.1, "iter": 10, "step": 10}),
        json.dumps({"mIoU": 31.5, "step": 10}),
        json.dumps({"loss": 0.5, "time": 0.1, "iter": 20, "step": 20}),
        json.dumps({"mIoU": 40.0, "step": 20}),
        '{"loss": 0.4, "iter": 3',
    )
    assert run.iteration() == 20
    assert run.miou() == {10: 31.5, 20: 40.0}


def test_of_several_networks_the_predicting_one_is_scored(tmp_path):
    run = Run("mean_teacher", tmp_path / "mean_teacher", tmp_path, 0, 40)
    scores = {"student/mIoU": 31.5, "teacher/mIoU": 33.0, "step": 10}
    log(run.folder, json.dumps(scores))
    assert run.miou() == {10: 31.5}
    run.cfg.model.test_cfg = dict(predict_with="teacher")
    assert run.miou() == {10: 33.0}


def test_finished_training_counts_for_its_config_only(tmp_path):
    run = Run("supervised", tmp_path / "supervised", tmp_path, 0, 40)
    run.folder.mkdir()
    run.config_path.write_text(config_text(run.cfg))
    assert not run.finished
    run.finish()
    assert run.finished
    assert not Run("supervised", tmp_path / "supervised", tmp_path, 0, 41).finished


def test_written_config_is_the_config(tmp_path):
    cfg = make_config("adv_semi_seg", tmp_path, 0, 40)
    path = tmp_path / "written.py"
    path.write_text(config_text(cfg))
    assert Config.fromfile(path).to_dict() == cfg.to_dict()


def test_foreign_folder_is_not_touched(tmp_path):
    precious = tmp_path / "supervised" / "precious.txt"
    precious.parent.mkdir()
    precious.write_text("mine")
    run = Run("supervised", tmp_path / "supervised", tmp_path, 0, 40)
    with pytest.raises(TrainingError, match="supervised holds something else"):
        run.start(threads=1)
    assert precious.read_text() == "mine"


def test_table_names_last_best_and_gain():
    table = make_table({"plain": {10: 30.0, 20: 28.0}, "taught": {10: 20.0, 20: 35.5}})
    _, plain, taught = (line.split() for line in table.splitlines())
    assert plain == ["plain", "28.0", "30.0", "10"]
    assert taught == ["taught", "35.5", "35.5", "20", "+7.5"]


def test_picture_shows_every_signal(data_root):
    painter = Painter(data_root, ["val_0000", "val_0001"], CLASSES, PALETTE)
    for method in METHODS:
        cfg = make_config(method, data_root, 0, None)
        painter.add_model(method, cfg, save_untrained(cfg, data_root / method))
    titles = [title for title, _ in painter.columns]
    assert titles == [
        *("image", "ground truth", "supervised"),
        *("mean_teacher", "its teacher's confidence"),
        *("adv_semi_seg", "its signal's confidence"),
    ]
    picture = painter.draw()
    assert picture.shape[1] == 7 * 192 + 6 * 6
    assert np.array_equal(picture[26 : 26 + 192 : 3, :192:3], painter.columns[0][1][0])


def save_untrained(cfg, path):
    """A checkpoint of the model as it is built."""
    torch.save({"state_dict": MODELS.build(cfg.model).state_dict()}, path)
    return path


def test_clock():
    assert clock(125.7) == "2:05"


@pytest.mark.parametrize(
    "arguments", [["--iters", "0"], ["--seed", "-1"], ["--methods", "a", "a"]]
)
def test_bad_arguments(arguments, capsys):
    with pytest.raises(SystemExit):
        parse_args(arguments)
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.slow
def test_failed_training_shows_its_output(tmp_path, small, data_root, quick_start):
    run = Run("supervised", tmp_path / "supervised", data_root, 0, 2)
    run.cfg.model.segmentor.type = "NoSuchSegmentor"
    with pytest.raises(TrainingError, match="NoSuchSegmentor"):
        train_all([run], processes=1)
    assert not run.finished


@pytest.mark.slow
def test_whole_program_trains_once(tmp_path, small, quick_start, monkeypatch, capsys):
    command = ["--iters", "4", "--work-dir", str(tmp_path), "--seed", "1"]
    monkeypatch.setattr("mmseg_semisup.demo.__main__.ROWS", 2)
    main(command)
    text = capsys.readouterr().out
    assert "mean_teacher" in text
    assert "best mIoU" in text
    picture = tmp_path / "seed1" / "comparison.png"
    assert cv2.imread(str(picture)).shape[1] == 5 * 192 + 4 * 6
    picture.unlink()

    def refuse(*_, **__):
        raise AssertionError("a finished training was started again")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    main(command)
    assert picture.is_file()
    assert capsys.readouterr().out.count("is finished") == 2


def test_the_data_alone(tmp_path, small, monkeypatch, capsys):
    def refuse(*_, **__):
        raise AssertionError("a training was started")

    monkeypatch.setattr("mmseg_semisup.demo.__main__.train_all", refuse)
    main(["--data-only", "--work-dir", str(tmp_path)])
    assert "drew the scenes in" in capsys.readouterr().out
    assert len(list((tmp_path / "seed0/data").rglob("*.png"))) > 0


@pytest.fixture
def tiles(tmp_path):
    """The stand-in for the photographs of magnetic tiles."""
    assert prepare_tiles(tmp_path)
    return tmp_path


def test_the_tiles_have_the_layout_of_the_real_ones(tiles):
    cfg = load_config("supervised/supervised_lite0_2k_magnetic-tiles-59.py")
    labeled = cfg.train_dataloader.dataset.sources.labeled
    assert list(tiles_module.CLASSES) == list(labeled.metainfo.classes)
    assert [list(c) for c in tiles_module.PALETTE] == list(labeled.metainfo.palette)
    for part, count in ((labeled, 16), (cfg.val_dataloader.dataset, 24)):
        dataset = DATASETS.build({**part, "data_root": str(tiles), "pipeline": []})
        assert len(dataset) == count
        shown = set()
        for info in dataset.load_data_list():
            image = cv2.imread(info["img_path"], cv2.IMREAD_UNCHANGED)
            mask = read_mask(info["seg_map_path"])
            assert image.shape == mask.shape
            shown |= set(np.unique(mask).tolist())
        assert shown == set(range(6))


def test_lists_of_tiles_are_not_written_over(tiles):
    val = tiles / "splits" / "val.txt"
    val.write_text("mine")
    assert not prepare_tiles(tiles)
    assert val.read_text() == "mine"
