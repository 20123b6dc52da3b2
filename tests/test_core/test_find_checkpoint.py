"""What --resume takes: the newest whole checkpoint."""

from __future__ import annotations

import errno
import os
import random
import zipfile
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmseg_semisup.core.errors import CheckpointError, ConfigError
from mmseg_semisup.core.find_checkpoint import (
    check_whole,
    find_last_checkpoint,
    find_whole_checkpoint,
    list_checkpoints,
)
from mmseg_semisup.engine.job_record import earlier_checkpoints
from mmseg_semisup.engine.resume import set_checkpoint


def save(path: Path, **changes: object) -> Path:
    """Write a small checkpoint with the parts that every training's has."""
    content = {
        "meta": {
            "iter": int("".join(c for c in path.stem if c.isdigit()) or 0),
            "epoch": 0,
        },
        "state_dict": {"weight": torch.arange(1000.0)},
        "optimizer": {"state": {}, "param_groups": []},
        "message_hub": {"log_scalars": {}, "runtime_info": {}, "resumed_keys": {}},
    }
    path.parent.mkdir(exist_ok=True)
    content = {k: v for k, v in (content | changes).items() if v is not None}
    torch.save(content, path)
    return path


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-700])


def flip(path: Path) -> None:
    """One bit, in the middle of the weights."""
    content = bytearray(path.read_bytes())
    content[content.index(torch.arange(400.0, 600.0).numpy().tobytes())] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def page(path: Path) -> None:
    path.write_bytes(b"<html>502 Bad Gateway</html>")


def foreign(path: Path) -> None:
    torch.save({"model": {}, "epoch": 3}, path)


def weights_only(path: Path) -> None:
    save(path, optimizer=None)


DAMAGES = {
    truncate: "its end is missing",
    flip: "has another checksum",
    empty: "is empty",
    page: "is no checkpoint",
    foreign: "no state_dict",
    weights_only: "no optimizer; --load-from takes the weights",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_named_and_passed_over(tmp_path, damage, capsys):
    whole = save(tmp_path / "iter_2.pth")
    broken = save(tmp_path / "iter_4.pth")
    damage(broken)
    (tmp_path / "last_checkpoint").write_text(str(broken))
    cfg = Config({"work_dir": str(tmp_path)})
    set_checkpoint(cfg, resume="auto")
    assert (cfg.resume, cfg.load_from) == (True, str(whole))
    said = capsys.readouterr().err
    assert f"passed over: {broken} " in said
    assert DAMAGES[damage] in said
    assert f"the newest whole checkpoint, {whole}" in said
    with pytest.raises(CheckpointError, match=rf"iter_4\.pth .*{DAMAGES[damage]}"):
        check_whole(broken)
    with pytest.raises(CheckpointError, match=r"iter_4\.pth"):
        set_checkpoint(cfg, resume=str(broken))


def test_any_flipped_bit_leaves_one_message(tmp_path):
    """In the archive's directory and at its head, where readers differ most."""
    path = save(tmp_path / "iter_4.pth", state_dict={})
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        begin = archive.start_dir
    places = [*range(64), *range(begin, len(content))]
    noticed = 0
    for bit in random.Random(0).sample(range(8 * len(places)), 200):
        changed = bytearray(content)
        changed[places[bit // 8]] ^= 1 << bit % 8
        path.write_bytes(changed)
        try:
            check_whole(path)
        except CheckpointError as error:
            noticed += str(path) in str(error)
    # The others are in dates and the like, which nobody reads.
    assert noticed > 50


OTHERS = {
    "folder": (Path.mkdir, "is a folder"),
    "pipe": (os.mkfifo, "is a pipe"),
    "broken link": (
        lambda path: path.symlink_to("/gone"),
        "is a broken link to '/gone'",
    ),
    "device": (lambda path: path.symlink_to("/dev/zero"), "outside of this folder"),
    "foreign link": (
        lambda path: path.symlink_to(save(path.parent.parent / "other" / path.name)),
        "outside of this folder; if you mean it, give it to --resume",
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_file_of_the_folder_is_passed_over(tmp_path, kind, capsys):
    make, reason = OTHERS[kind]
    work_dir = tmp_path / "work"
    whole = save(work_dir / "iter_2.pth")
    other = work_dir / "iter_4.pth"
    make(other)
    cfg = Config({"work_dir": str(work_dir)})
    set_checkpoint(cfg, resume="auto")
    assert cfg.load_from == str(whole)
    said = capsys.readouterr().err
    assert f"passed over: {other} " in said
    assert reason in said
    set_checkpoint(cfg, job="5")
    whole.unlink()
    with pytest.raises(ConfigError, match=r"no checkpoint in .* can be used"):
        set_checkpoint(cfg, resume="auto")


def test_a_file_that_may_not_be_read_is_passed_over(tmp_path, monkeypatch):
    whole, secret = save(tmp_path / "iter_2.pth"), save(tmp_path / "iter_4.pth")
    opened = os.open

    def refuse(path: str, *options: int) -> int:
        if path == secret:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *options)

    monkeypatch.setattr("mmseg_semisup.core.plain_files.os.open", refuse)
    lines: list[str] = []
    assert find_whole_checkpoint(tmp_path, lines.append) == whole
    assert f"{secret} cannot be read: " in lines[0]
    for name in ("last_checkpoint", "job.json"):
        os.mkfifo(tmp_path / name)
    assert find_whole_checkpoint(tmp_path, lines.append) == whole
    with pytest.raises(ConfigError, match=r"job\.json is no note of a job"):
        earlier_checkpoints(tmp_path, "5")


def test_without_a_whole_checkpoint_nothing_starts_anew(tmp_path):
    for number in (2, 4):
        truncate(save(tmp_path / f"iter_{number}.pth"))
    with pytest.raises(ConfigError, match=r"iter_4\.pth is .*iter_2\.pth is .*anew"):
        find_whole_checkpoint(tmp_path, print)


def test_a_pointer_that_was_not_written_completely(tmp_path, capsys):
    last = save(tmp_path / "iter_4.pth")
    for content in (b"", b"\0" * 40, b"/gone/iter_", b"\xff\xfe"):
        (tmp_path / "last_checkpoint").write_bytes(content)
        assert find_whole_checkpoint(tmp_path, print) == last
    assert capsys.readouterr().out == ""


def test_what_an_earlier_training_left_comes_last(tmp_path):
    for number in (1, 2, 3, 9):
        save(tmp_path / f"iter_{number}.pth")
    (tmp_path / "last_checkpoint").write_text("/elsewhere/iter_3.pth")
    numbers = [int(path.stem[5:]) for path in list_checkpoints(tmp_path)]
    assert numbers == [3, 2, 1, 9]


def test_resume(tmp_path):
    weights = save(tmp_path / "weights.pth")
    cfg = Config({"work_dir": str(tmp_path / "run"), "load_from": str(weights)})
    set_checkpoint(cfg, resume="auto")
    assert (cfg.resume, cfg.load_from) == (False, str(weights))

    last = save(tmp_path / "run" / "iter_20.pth")
    for name in ("iter_3.pth", "best_iter_90.pth"):
        save(last.with_name(name))
    set_checkpoint(cfg, resume="auto")
    assert (cfg.resume, cfg.load_from) == (True, str(last))
    set_checkpoint(cfg, resume=str(weights))
    assert (cfg.resume, cfg.load_from) == (True, str(weights))
    set_checkpoint(cfg, load_from=str(last))
    assert (cfg.resume, cfg.load_from) == (False, str(last))
    with pytest.raises(ConfigError, match=r"--resume: there is no checkpoint no\.pth"):
        set_checkpoint(cfg, resume="no.pth")
    with pytest.raises(ConfigError, match=r"load_from: there is no checkpoint no\.pth"):
        set_checkpoint(cfg, load_from="no.pth")


def test_last_checkpoint_of_a_moved_work_dir(tmp_path):
    assert find_last_checkpoint(tmp_path) is None
    for name in ("iter_9.pth", "iter_10.pth"):
        (tmp_path / name).touch()
    pointer = tmp_path / "last_checkpoint"
    pointer.write_text("/before/the/move/iter_9.pth")
    assert find_last_checkpoint(tmp_path).name == "iter_9.pth"
    pointer.write_text("/before/the/move/iter_11.pth")
    assert find_last_checkpoint(tmp_path).name == "iter_10.pth"


def test_a_requeued_job_goes_on_from_what_it_wrote_itself(tmp_path):
    """Until it has written something, it begins as its command says."""
    work_dir = tmp_path / "run"
    earlier = save(work_dir / "iter_90.pth")
    save(work_dir / "iter_2.pth")
    (work_dir / "last_checkpoint").write_text(str(earlier))
    other = save(tmp_path / "iter_100.pth")

    def start(job: str = "812", **said: str) -> str | None:
        cfg = Config({"work_dir": str(work_dir), "load_from": None})
        set_checkpoint(cfg, job=job, **said)
        assert cfg.resume == (cfg.load_from is not None)
        return cfg.load_from

    for _ in range(2):
        assert start() is None
        assert start(resume=str(other)) == str(other)
        assert start(resume="auto") == str(earlier)
    # Under a name that an earlier training had used.
    own = save(work_dir / "iter_2.pth")
    os.utime(own, ns=(0, own.stat().st_mtime_ns + 10**9))
    (work_dir / "last_checkpoint").write_text(str(own))
    assert start() == start(resume=str(other)) == start(resume="auto") == str(own)
    truncate(own)
    with pytest.raises(ConfigError, match=r"iter_2\.pth is damaged"):
        start()
    assert start(job="813", resume=str(other)) == str(other)
    assert start(job="813") is None
    (work_dir / "job.json").write_text("812")
    with pytest.raises(ConfigError, match=r"job\.json is no note of a job: .*; remove"):
        start()
