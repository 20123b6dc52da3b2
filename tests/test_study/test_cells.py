"""The trainings of a study are composed of one config, and can be compared."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from plain_configs import plain_config

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.fingerprint import differences
from mmseg_semisup.study.cells import Cell, check_fair, config_text, make_cells
from mmseg_semisup.study.plan import read_study


def cells_of(path: Path) -> dict[str, Cell]:
    return {cell.name: cell for cell in make_cells(read_study(path))}


def test_each_cell_has_its_seed_length_and_masks(write_study):
    cells = cells_of(write_study(all_masks=True))
    assert [*cells] == [
        f"{name}_seed{seed}"
        for seed in (0, 1)
        for name in ("supervised_m2", "cutmix_m2", "supervised_all")
    ]
    assert [cell.masks for cell in cells.values()] == [2, 2, 6] * 2
    assert [cell.cfg.randomness.seed for cell in cells.values()] == [0] * 3 + [1] * 3
    assert {cell.iterations for cell in cells.values()} == {4}
    assert cells["cutmix_m2_seed0"].predicts == "teacher"
    assert cells["supervised_m2_seed0"].predicts == "student"
    changed = [
        change.key
        for change in differences(
            cells["cutmix_m2_seed0"].fingerprint, cells["cutmix_m2_seed1"].fingerprint
        )
    ]
    assert changed == ["randomness.seed"]


def test_a_shorter_training_has_its_whole_schedule(write_study):
    cfg = cells_of(write_study(iterations=2))["cutmix_m2_seed0"].cfg
    assert cfg.train_cfg.max_iters == 2
    assert cfg.train_cfg.val_interval == 2
    assert cfg.param_scheduler[0].end == 2
    assert cfg.default_hooks.checkpoint.interval == 2


def test_a_method_may_be_longer_and_has_the_whole_schedule(write_study):
    methods = ["supervised", dict(name="long", base="supervised", length=3)]
    cells = cells_of(write_study(methods=methods))
    assert cells["long_m2_seed0"].iterations == 12
    assert cells["long_m2_seed0"].cfg.param_scheduler[0].end == 12


def test_a_list_may_depend_on_the_seed(write_study, tmp_path):
    for seed, name in ((2, "list2"), (3, "list3")):
        (tmp_path / f"seed{seed}.txt").write_text(
            (tmp_path / f"{name}.txt").read_text()
        )
    splits = dict(few=str(tmp_path / "seed{seed}.txt"))
    cells = cells_of(write_study(splits=splits, seeds=[2, 3]))
    masks = {name: cell.masks for name, cell in cells.items()}
    assert masks["cutmix_few_seed2"] == masks["supervised_few_seed2"] == 2
    assert masks["cutmix_few_seed3"] == masks["supervised_few_seed3"] == 3


def test_the_written_config_is_the_config(write_study, tmp_path):
    cell = cells_of(write_study())["cutmix_m2_seed1"]
    path = tmp_path / "written.py"
    path.write_text(config_text(cell.cfg))
    read = Config.fromfile(path)
    assert Cell.from_plain(cell.to_plain(), read).fingerprint == cell.fingerprint


def test_a_cell_that_cannot_be_composed_is_named(write_study):
    path = write_study(splits=dict(m2="nowhere.txt"))
    with pytest.raises(ConfigError, match="cell supervised_m2_seed0: .*nowhere.txt"):
        make_cells(read_study(path))


METHODS = ["supervised", "cutmix", "unimatch_v2", "adv_semi_seg"]


def labelled(cell: Cell, batches: int = 5) -> torch.Tensor:
    """Images and masks of the first labelled batches, as the training gets them."""
    loader = Runner.build_dataloader(
        cell.cfg.train_dataloader, seed=cell.cfg.randomness.seed
    )
    found = []
    for batch in islice(iter(loader), batches):
        samples = batch["data_samples"]["labeled"]
        masks = [sample.gt_sem_seg.data for sample in samples]
        found += [*batch["inputs"]["labeled"], *masks]
    return torch.cat([part.flatten() for part in found])


def test_all_methods_of_a_seed_see_the_same_labelled_batches(write_study):
    """Over several passes of two images, with one, two and three views beside them."""
    cells = cells_of(write_study(methods=METHODS))
    seen = {name: labelled(cell) for name, cell in cells.items()}
    for seed in (0, 1):
        first = seen[f"supervised_m2_seed{seed}"]
        for method in METHODS[1:]:
            assert torch.equal(first, seen[f"{method}_m2_seed{seed}"]), method
    one, other = seen["supervised_m2_seed0"], seen["supervised_m2_seed1"]
    assert one.shape != other.shape or not torch.equal(one, other)


def test_what_is_fair_is_told_nothing_about(write_study):
    cells = make_cells(read_study(write_study(methods=METHODS)))
    assert check_fair(cells, ["supervised"]) == []


UNFAIR = {
    "other labelled images": {
        "train_dataloader.dataset.indices": 1,
    },
    "other labelled images in a step": {"train_dataloader.batch_size": 4},
    "other validation images": {"val_dataloader.dataset.indices": 1},
}


@pytest.mark.parametrize("message", UNFAIR)
def test_trainings_that_cannot_be_compared_are_refused(write_study, tmp_path, message):
    path = write_study(methods=["supervised", dict(name="other", config="other.py")])
    other = plain_config(tmp_path / "data", iters=8, **UNFAIR[message])
    other.method = "cutmix"
    other.dump(tmp_path / "other.py")
    cells = make_cells(read_study(path))
    with pytest.raises(ConfigError, match=f"cell other_m2_seed0 has {message} than"):
        check_fair(cells, ["supervised"])


def test_other_networks_and_optimizers_are_noted(write_study, tmp_path):
    path = write_study(methods=["supervised", dict(name="other", config="other.py")])
    changes = {"optim_wrapper.optimizer.lr": 0.5, "model.decode_head.channels": 4}
    other = plain_config(tmp_path / "data", iters=8, **changes)
    other.method = "cutmix"
    other.dump(tmp_path / "other.py")
    notes = check_fair(make_cells(read_study(path)), ["supervised"])
    assert len(notes) == 2
    assert "model.segmentor.decode_head.channels: 8 -> 4" in notes[0]
    assert "optim_wrapper.segmentor.optimizer.lr: 0.01 -> 0.5" in notes[1]


def test_images_that_are_drawn_by_class_are_noted(write_study):
    rare = dict(name="rare", base="supervised", rare_classes=True)
    cells = make_cells(read_study(write_study(methods=["supervised", rare])))
    notes = check_fair(cells, ["supervised"])
    assert notes[0] == "`rare` has transforms of labelled images of its own"
    assert "`rare` has another train_dataloader.sampler.rare_classes: " in notes[1]


def test_stages_are_noted_and_counted(write_study):
    path = write_study(methods=["supervised", "three_stage"], seeds=[0])
    cells = make_cells(read_study(path))
    assert cells[1].stages == ("stage1", "stage2", "stage3")
    assert cells[1].iterations == 12
    assert cells[1].masks == 2
    (note,) = check_fair(cells, ["supervised"])
    assert "`three_stage` trains in stages" in note
