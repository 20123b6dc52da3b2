"""A step that fails within a stage: its file is in the stage's folder, and replays."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from tiny_training import write_stages

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.engine.failed_step import FAILED_STEP
from mmseg_semisup.engine.nonfinite import NumbersError
from mmseg_semisup.replay import replay
from mmseg_semisup.stages import train_stages

OPTIONS = {
    "train_cfg.max_iters": 2,
    "default_hooks.checkpoint.save_best": None,
    **dict.fromkeys(["val_cfg", "val_dataloader", "val_evaluator"]),
}


def train(path: Path, work: Path, **changes: object) -> None:
    """Train the first two stages; the changes are those of the second."""
    cfg = load_config(path, OPTIONS, stages="keep")
    del cfg.stages[2:]
    for key, value in changes.items():
        cfg.stages[1].changes[key] = value
    cfg.work_dir = str(work)
    train_stages(cfg)


def finished(work: Path) -> list[str]:
    stages = json.loads((work / "stages.json").read_text())["stages"]
    return [name for name, stage in stages.items() if stage.get("finished")]


@pytest.mark.usefixtures("safe_checkpoints")
def test_its_file_is_in_the_folder_of_the_stage(tmp_path):
    path, work = write_stages(tmp_path), tmp_path / "work"
    optimizers = dict(segmentor=dict(optimizer=dict(lr=1e30)))
    with pytest.raises(NumbersError) as caught:
        train(path, work, optim_wrapper=optimizers)
    file = work / "second" / FAILED_STEP
    assert f"`tools/replay.py {file}` repeats the step" in str(caught.value)
    assert [*work.rglob(FAILED_STEP)] == [file]
    assert finished(work) == ["first"]
    content = load_checkpoint_file(file)
    assert content["iteration"] == 2
    # That stage's config, with its own data.
    config = content["config"]
    assert config["work_dir"] == str(work / "second")
    assert set(config["train_dataloader"]["dataset"]["sources"]) >= {"pseudo"}
    report = replay(file)
    head, said, *places = report.splitlines()
    assert head.startswith(f"{file}: iteration 2, float32 on cpu")
    assert said.removeprefix("The training said: ") in str(caught.value)
    assert re.search(r"(NaN|Inf) of .* in the forward pass", places[1])
    assert re.search(r"image: (labeled|pseudo) 0, \S+/images/\d\.jpg", report)
    # With the mistake mended, that stage alone is trained again.
    shutil.rmtree(work / "second")
    train(path, work)
    assert finished(work) == ["first", "second"]
