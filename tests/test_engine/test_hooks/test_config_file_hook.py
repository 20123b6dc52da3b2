from pathlib import Path

import pytest
from mmengine.config import Config
from plain_configs import draw_images, plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import ConfigError, WriteError
from mmseg_semisup.dry_run import train
from mmseg_semisup.engine.runner import build_runner


@pytest.fixture
def written(tmp_path) -> Path:
    """A composed config in its file."""
    draw_images(tmp_path / "data")
    cfg = plain_config(tmp_path / "data", iters=2)
    cfg = compose(cfg, "cutmix", str(tmp_path / "data/train/images"))
    cfg.work_dir = str(tmp_path / "out")
    cfg.dump(tmp_path / "mine.py")
    return tmp_path / "mine.py"


def run(written: Path, mode: str = "off", **changes) -> None:
    cfg = Config.fromfile(str(written))
    cfg.merge_from_dict(changes)
    train(build_runner(cfg, strict=bool(cfg.get("resume"))), mode)


def test_only_a_training_that_begins_writes_its_config(written, tmp_path):
    kept = tmp_path / "out/mine.py"
    changes = {"optim_wrapper.segmentor.optimizer.lr": 0.5}
    run(written, "only", **changes)
    assert not kept.exists()
    run(written)
    assert Config.fromfile(kept).optim_wrapper == Config.fromfile(written).optim_wrapper
    before = kept.read_bytes()
    run(written, "only", **changes)
    checkpoint = str(tmp_path / "out/iter_2.pth")
    with pytest.raises(ConfigError, match="trained with another config"):
        run(written, resume=True, load_from=checkpoint, **changes)
    cfg = Config.fromfile(str(kept))
    cfg.merge_from_dict({"load_from": checkpoint, "test_cfg.fp16": True})
    build_runner(cfg, strict=True).test()
    assert kept.read_bytes() == before


def test_no_config_is_written_through_a_link(written, tmp_path):
    target = tmp_path / "theirs.py"
    target.write_text("theirs = 1\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.py").symlink_to(target)
    run(written)
    assert target.read_text() == "theirs = 1\n"
    assert not (tmp_path / "out/mine.py").is_symlink()


def test_a_folder_in_its_place_is_named(written, tmp_path):
    (tmp_path / "out/mine.py").mkdir(parents=True)
    with pytest.raises(WriteError, match=r"out/mine\.py"):
        run(written)


def test_an_own_type_of_runner_writes_none_for_a_test(written, tmp_path):
    cfg = Config.fromfile(str(written))
    cfg.runner_type = "Runner"
    build_runner(cfg, strict=False)
    assert not (tmp_path / "out/mine.py").exists()
    cfg.runner_type = "Runer"
    with pytest.raises(ConfigError, match="runner_type='Runer'"):
        build_runner(cfg, strict=False)
