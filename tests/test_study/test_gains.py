"""Means, paired gains, shares of the headroom, and what they look like."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from study_records import record, result

from mmseg_semisup.study.gains import make_rows, p_value, spread
from mmseg_semisup.study.picture import draw_study
from mmseg_semisup.study.table import (
    make_class_table,
    make_notes,
    make_page,
    make_table,
)


def test_lists_of_equal_length_are_named():
    cells = [
        result("supervised", 0, 40.0, split="random"),
        result("supervised", 0, 42.0, split="chosen"),
        result("supervised", 0, 50.0, split="all"),
    ]
    study = record(splits=["random", "chosen"], methods=["supervised"], cells=cells)
    assert [row.masks for row in make_rows(study)] == ["5 random", "5 chosen", "99"]
    assert "| `supervised` | 5 chosen | **42.0** (42.0)" in make_table(study)
    alone = record(splits=["random", "chosen"], methods=["supervised"], cells=cells[:2])
    notes = make_notes(alone)
    cells[0]["masks"] = cells[1]["masks"] = 99
    labels = [row.masks for row in make_rows(study)]
    assert labels == ["99 random", "99 chosen", "99"]
    assert "Gain" in make_notes(record())
    assert "Gain" not in notes
    assert "Time" not in notes


def test_gains_are_paired_by_seed():
    base, cutmix, top = make_rows(record())
    assert cutmix.gains() == [4.0, 3.0, 5.0]
    assert base.gains() == []
    assert top.gains() == [10.0, 8.0, 10.0]
    assert spread(cutmix.gains()) == 1.0
    assert cutmix.share() == pytest.approx(12 / 28)
    assert base.share() is top.share() is None
    assert cutmix.cost() == 2.5
    assert cutmix.masks == "5"
    assert cutmix.classes() == {"cat": pytest.approx(44.0)}


def test_times_of_other_machines_are_not_compared():
    study = record()
    for cell in study["cells"]:
        if cell["method"] == "cutmix" and cell["seed"] < 2:
            cell.update(machine="8 cores", cpu_seconds=9000.0)
    assert make_rows(study)[1].cost() == 2.5
    assert "baseline's on the same machine." in make_notes(study)
    assert "baseline's." in make_notes(record())
    for cell in study["cells"]:
        if cell["method"] == "cutmix":
            cell.update(machine="2 cores", device="NVIDIA A100")
    assert make_rows(study)[1].cost() is None


def test_rows_of_other_seeds_say_so():
    study = record()
    for table in (make_table, make_class_table):
        assert "seeds |" not in table(study).splitlines()[0].replace("seeds better", "")
    study["cells"] = [c for c in study["cells"] if c["method"] != "cutmix" or c["seed"]]
    head, _, base, cutmix, top = make_table(study).splitlines()
    assert head.startswith("| method | masks | seeds | mIoU, last (best) |")
    assert "| 5 | 0, 1, 2 | **40.0" in base
    assert "| 5 | 1, 2 | **44.0" in cutmix
    assert "| 99 | 0, 1, 2 |" in top
    head, _, _, cutmix, _ = make_class_table(study).splitlines()
    assert head == "| method | masks | seeds | cat |"
    assert cutmix == "| `cutmix` | 5 | 1, 2 | 44.0 |"


def test_memory_of_a_gpu_is_another_one():
    study = record()
    assert "Memory" not in make_notes(study)
    changes = dict(device="GPU", memory_mb=3200, cpu_seconds=None)
    for cell in study["cells"]:
        if cell["method"] == "cutmix":
            cell.update(changes)
    assert make_rows(study)[1].memory() == {"GPU": 3200}
    assert make_table(study).splitlines()[3].endswith(" 3.2 GB (GPU) |")
    study["cells"][1].update(device="CPU", memory_mb=900)
    assert make_table(study).splitlines()[3].endswith(" 0.9 GB, 3.2 GB (GPU) |")
    notes = " ".join(make_notes(study).split())
    assert "Memory: of the process, or what it has allocated on a GPU." in notes
    time = "Time: processor time of a whole training or time of the steps of training, "
    assert time in notes


def test_seeds_that_lack_a_partner_do_not_count():
    study = record()
    study["cells"] = [
        c
        for c in study["cells"]
        if c["cell"] not in ("supervised_m5_seed0", "supervised_all_seed1")
    ]
    _, cutmix, _ = make_rows(study)
    assert cutmix.gains() == [3.0, 5.0]
    assert cutmix.share() == pytest.approx(5 / 10)


def test_only_a_baseline_of_equal_length_is_compared_with():
    study = record(methods=["supervised", "supervised3", "cutmix"])
    study["cells"] = [
        dict(c, iterations=6000) if c["method"] == "cutmix" else c
        for c in study["cells"]
    ]
    _, cutmix, _ = make_rows(study)
    assert cutmix.gains() == []
    study["baselines"] = ["supervised", "supervised3"]
    study["cells"] += [
        result("supervised3", s, 30.0, iterations=6000) for s in range(3)
    ]
    rows = {(row.method, row.split): row for row in make_rows(study)}
    assert rows["cutmix", "m5"].gains() == [14.0, 15.0, 13.0]
    assert rows["cutmix", "m5"].share() is None


def test_without_headroom_there_is_no_share():
    study = record()
    for cell in study["cells"]:
        if cell["split"] == "all":
            cell["networks"]["student"]["last"] = 30.0
    assert make_rows(study)[1].share() is None


@pytest.mark.parametrize(
    ("gains", "p"),
    [
        ([1.0] * 5, None),
        ([1.0] * 6, 2 / 64),
        ([1.0] * 5 + [-1.0], 14 / 64),
        ([1.0] * 17, None),
    ],
)
def test_few_seeds_have_no_p(gains, p):
    assert p_value(gains) == p


def test_the_table_has_means_spreads_and_counts():
    lines = make_table(record()).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == [
        "method",
        "masks",
        "mIoU, last (best)",
        "other network, last (best)",
        "gain",
        "seeds better",
        "headroom",
        "time",
        "memory",
    ]
    assert cells[2] == [
        *("`supervised`", "5", "**40.0 ± 2.0** (41.0)"),
        *("", "", "", "", "", "1.0 GB"),
    ]
    assert cells[3] == [
        *("`cutmix`", "5", "**44.0 ± 1.0** (44.0)", "student 50.0 ± 0.0 (50.0)"),
        *("+4.0 ± 1.0", "3 of 3", "43 %", "2.5", "1.0 GB"),
    ]
    assert cells[4][:2] == ["`supervised`, all masks", "99"]
    assert "|  |" not in "".join(lines)
    assert len({len(row) for row in cells}) == 1


def test_one_seed_has_no_spread_and_a_loss_is_none_better():
    study = record()
    study["cells"] = [c for c in study["cells"] if c["seed"] == 0]
    study["cells"][1]["networks"]["teacher"]["last"] = 39.0
    text = make_table(study)
    assert "±" not in text
    assert "| -1.0 | 0 of 1 | -10 % |" in text
    assert "Seed 0 alone." in make_notes(study)


def test_the_notes_say_where_numbers_come_from():
    study = record(missing=["cutmix_m5_seed3"], notes=["`cutmix` differs"])
    text = " ".join(make_notes(study).split())
    assert "Seeds 0, 1, 2: mean ± standard deviation." in text
    assert "over `supervised` with the same masks, seeds and iterations" in text
    assert "Not finished: cutmix_m5_seed3." in text
    assert "`cutmix` differs." in text
    assert "Commit abc1234; 2 cores; PyTorch 2.9." in text
    assert "processor time" in text
    study["cells"][0]["cpu_seconds"] = None
    assert "time of the steps of training" in " ".join(make_notes(study).split())
    assert max(map(len, make_notes(study).splitlines())) <= 100


def test_what_is_selected_has_columns_where_it_was_measured():
    study = record()
    measured = ((60, 90), (80, 80), (70, None))
    for cell, (kept, accuracy) in zip(study["cells"][1::3], measured, strict=True):
        found = dict(kept=[99, kept], accuracy_of_kept=[50, accuracy])
        cell["selection"] = dict(found, thresholds=[0.5, 0.95])
    lines = make_table(study).splitlines()
    assert "| selected | of them right |" in lines[0]
    assert "| 70 % | 85.0 % |" in lines[3]
    assert "above a probability of 0.95" in " ".join(make_notes(study).split())
    assert "selected" not in make_table(record())


def test_the_classes_have_a_column_each():
    lines = make_class_table(record()).splitlines()
    assert lines[0] == "| method | masks | cat |"
    assert lines[3] == "| `cutmix` | 5 | 44.0 |"
    assert "```bash\npython tools/study.py tiny.py\n```" in make_page(record())


def test_the_picture_has_a_legend_for_each_method_and_changes_with_the_gain():
    study = record(methods=["supervised", "cutmix", "other"])
    study["cells"] += [result("other", s, 41.0, student=42.0) for s in range(3)]
    first = draw_study(study)
    assert first.ndim == 3
    assert first.dtype == np.uint8
    changed = copy.deepcopy(study)
    changed["cells"][1]["networks"]["teacher"]["last"] = 60.0
    assert not np.array_equal(first, draw_study(changed))
    two = record(splits=["m5", "m9"])
    two["cells"] += [
        dict(cell, split="m9", masks=9)
        for cell in two["cells"]
        if cell["split"] == "m5"
    ]
    assert draw_study(two).shape == first.shape


def test_a_study_of_baselines_alone_is_drawn():
    study = record(methods=["supervised"])
    study["cells"] = [c for c in study["cells"] if c["method"] == "supervised"]
    assert draw_study(study).any()
    assert "gain" in make_table(study)
