from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path

import pytest
import torch
from PIL import Image
from processes import in_child
from tiny_training import weights

from mmseg_semisup.core import atomic_io

TOOLS = Path(__file__).resolve().parents[2] / "tools"
ADVERSARIAL = "model.objectives.adversarial"


def test_train_resume_and_test(run_tool, training, tmp_path, capfd):
    work, whole = tmp_path / "work", tmp_path / "whole"
    run_tool("train.py", training, "--work-dir", whole)
    stop = "train_cfg.max_iters=2"
    run_tool("train.py", training, "--work-dir", work, "--cfg-options", stop)
    assert (work / "iter_2.pth").is_file()
    resume = ("train.py", training, "--work-dir", work, "--resume")
    with pytest.raises(
        SystemExit, match=r"config: train_cfg\.max_iters: 2 -> 4\. Undo"
    ):
        run_tool(*resume)
    run_tool(*resume, "--accept-changes")
    assert not (work / "iter_2.pth").exists()
    resumed, straight = weights(work / "iter_4.pth"), weights(whole / "iter_4.pth")
    assert list(resumed) == list(straight)
    assert all(torch.equal(resumed[name], straight[name]) for name in straight)

    out, show = tmp_path / "out", tmp_path / "show"
    options = ("--out", out, "--show-dir", show, "--network", "teacher")
    last = work / "iter_4.pth"
    # In a process of its own: mmengine's visualizers are global.
    test = ("test.py", training, last, "--work-dir", work)
    assert in_child(lambda: run_tool(*test, *options)) == 0
    assert {path.name for path in out.iterdir()} == {f"{i}.png" for i in range(4)}
    assert Image.open(out / "1.png").size == (24, 20)
    assert list(show.rglob("*.png"))
    assert "mIoU" in capfd.readouterr().out


def test_test_time_augmentation(run_tool, training, tmp_path, capsys):
    work = tmp_path / "work"
    run_tool("train.py", training, "--work-dir", work)
    run_tool("test.py", training, work / "iter_4.pth", "--work-dir", work, "--tta")
    assert "mIoU" in capsys.readouterr().out


def losses_of(work: Path) -> dict[str, float]:
    """The last logged value of each figure of the objectives."""
    (path,) = work.glob("*/vis_data/scalars.json")
    line = [json.loads(text) for text in path.read_text().splitlines()][-2]
    names = ("adversarial.", "self_taught.")
    return {key: value for key, value in line.items() if key.startswith(names)}


OPTIONS = {
    "adversarial": ("weights.unlabeled=0.1", "start.unlabeled=1"),
    "self_taught": ("threshold=0.0",),
}


def test_a_list_of_objectives_takes_options_by_position(run_tool, training, tmp_path):
    """Trained with the same options, it is the same as a dict."""
    listed = tmp_path / "listed.py"
    text = "model.update(objectives=list(model['objectives'].values()))\n"
    listed.write_text(training.read_text() + text)
    for path in (training, listed):
        options = [
            f"model.objectives.{name if path == training else index}.{option}"
            for index, name in enumerate(OPTIONS)
            for option in OPTIONS[name]
        ]
        work = tmp_path / path.stem
        run_tool("train.py", path, "--work-dir", work, "--cfg-options", *options)
    by_name, by_position = (tmp_path / name for name in ("training", "listed"))
    assert losses_of(by_name) == losses_of(by_position)
    assert losses_of(by_name)["self_taught.selected"] == 1
    before, after = (
        weights(by_name / "iter_4.pth"),
        weights(by_position / "iter_4.pth"),
    )
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_an_option_takes_an_objective_out(run_tool, training, tmp_path):
    out = "model.objectives.self_taught=None"
    run_tool("train.py", training, "--work-dir", tmp_path, "--cfg-options", out)
    assert {name.partition(".")[0] for name in losses_of(tmp_path)} == {"adversarial"}


def test_mixed_precision_on_a_cpu(run_tool, training, tmp_path):
    work = tmp_path / "work"
    run_tool("train.py", training, "--work-dir", work, "--amp")
    assert "precision='bfloat16'" in (work / "training.py").read_text()
    assert (work / "iter_4.pth").is_file()


def test_load_from_starts_anew(run_tool, training, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    run_tool("train.py", training, "--work-dir", first)
    still = "optim_wrapper.segmentor.optimizer.lr=0.0"
    start = ("--load-from", first / "iter_4.pth", "--cfg-options", still)
    run_tool("train.py", training, "--work-dir", second, *start)
    name = "segmentor.decode_head.conv_seg.weight"
    before, after = weights(first / "iter_4.pth"), weights(second / "iter_4.pth")
    assert torch.equal(before[name], after[name])
    # The teacher copies the student again, and what the model counts begins at 0.
    assert torch.equal(
        before[name], after[name.replace("segmentor", "teacher.network")]
    )
    counts = [name for name in after if name.endswith("_extra_state")]
    assert counts
    assert all(after[name] == 4 for name in counts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume", "no.pth"], r"--resume: there is no checkpoint no\.pth"),
        (
            ["--cfg-options", "default_hooks.checkpoint.out_dir=there"],
            r"out_dir='there': .* in the work-dir only; .* say --work-dir",
        ),
        (["--cfg-options", "model.techer.momentum=0"], "did you mean 'teacher'"),
        (
            ["--cfg-options", "model.objectives.self_taught.treshold=0.1"],
            "has no key 'treshold'; did you mean 'threshold'",
        ),
        (
            ["--cfg-options", "model.objectives.self_taught.extra=0.1"],
            "no argument 'extra'",
        ),
        (
            ["--cfg-options", "model.objectives.adversrial.weights.labeled=0"],
            "has no key 'adversrial'; did you mean 'adversarial'",
        ),
        (
            ["--cfg-options", "model.objectives.0.weights.labeled=0"],
            "has no key '0'; it has adversarial, self_taught",
        ),
        (
            [
                "--cfg-options",
                "model.objectives.adversarial.discriminator.num_classes=5",
            ],
            "num_classes=5, but the num_classes of the segmentor's FCNHead is 3",
        ),
    ],
)
def test_mistakes_end_with_one_line(run_tool, training, tmp_path, arguments, message):
    with pytest.raises(SystemExit, match=message):
        run_tool("train.py", training, "--work-dir", tmp_path / "work", *arguments)


def test_checkpoints_that_cannot_be_used(run_tool, training, tmp_path):
    work = tmp_path / "work"
    run_tool("train.py", training, "--work-dir", work)
    last = work / "iter_4.pth"
    wider = "model.segmentor.decode_head.num_convs=2"
    resume = ("train.py", training, "--work-dir", work, "--resume")
    expected = r"another config: model\.segmentor\.decode_head\.num_convs: 1 -> 2"
    with pytest.raises(SystemExit, match=expected):
        run_tool(*resume, "--cfg-options", wider)
    with pytest.raises(SystemExit, match="another architecture"):
        run_tool(*resume, "--accept-changes", "--cfg-options", wider)
    with pytest.raises(SystemExit, match="--accept-changes: nothing is resumed"):
        run_tool(*resume[:-1], "--accept-changes")
    with pytest.raises(SystemExit, match="another architecture"):
        run_tool("test.py", training, last, "--work-dir", work, "--cfg-options", wider)
    last.write_bytes(last.read_bytes()[:-1000])
    with pytest.raises(SystemExit, match=r"iter_4\.pth is damaged"):
        run_tool("train.py", training, "--work-dir", work, "--resume")


def test_full_disk_keeps_the_previous_checkpoint(
    run_tool, training, tmp_path, monkeypatch
):
    work = tmp_path / "work"
    replace = os.replace

    def fill_up(source: str, target: os.PathLike) -> None:
        if Path(target).name == "iter_4.pth":
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(atomic_io.os, "replace", fill_up)
    message = r"error: cannot write .*iter_4\.pth: No space left on device .* MB free"
    with pytest.raises(SystemExit, match=message):
        run_tool("train.py", training, "--work-dir", work)
    assert (work / "last_checkpoint").read_text() == str(work / "iter_2.pth")
    monkeypatch.undo()
    assert weights(work / "iter_2.pth")


def test_full_disk_that_the_log_meets(run_tool, training, tmp_path, capfd):
    work, log = tmp_path / "work", tmp_path / "full.json"
    log.symlink_to("/dev/full")
    option = f"visualizer.vis_backends.0.scalar_save_file={log}"
    run_tool("train.py", training, "--work-dir", work, "--cfg-options", option)
    assert weights(work / "iter_4.pth")
    told = [line for line in capfd.readouterr().err.splitlines() if "cannot" in line]
    assert len(told) == 1
    assert "(No space left on device): the training goes on" in told[0]


@pytest.mark.parametrize(
    "name",
    [
        "dist_run.sh",
        "dist_train.sh",
        "dist_test.sh",
        "slurm_train.sh",
        "slurm_test.sh",
    ],
)
def test_launchers_explain_themselves(name):
    done = subprocess.run(
        ["bash", TOOLS / name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"Usage: tools/{name} ")
