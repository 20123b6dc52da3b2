"""Checkpoints of the time before the objectives had names, and what goes on from them.

``tests/golden/checkpoints/NAME.pth`` was made by ``NAME.py`` beside it, after four of
eight steps, with the code of commit 2484bd5. They are not to be made again: their point
is their age.

    PYTHONPATH=. python tests/golden_checkpoints.py /tmp/golden    # makes new ones
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from golden_data import write_few
from golden_trainings import Trained, figures_of, quickly
from mmengine.config import Config
from mmseg.apis import inference_model, init_model
from torch import Tensor, nn

from mmseg_semisup.cli.launch import choose_network
from mmseg_semisup.core.checkpoint import load_checkpoint_file, use_safe_checkpoints
from mmseg_semisup.engine.progress_log import is_class_score
from mmseg_semisup.engine.runner import build_runner
from mmseg_semisup.export.plain_model import export
from mmseg_semisup.export.predictor import load_model

CHECKPOINTS = Path(__file__).parent / "golden" / "checkpoints"
SAVED, STEPS = 4, 8


def names() -> list[str]:
    """The checkpoints that there are, by the names of their configs."""
    return sorted(p.stem for p in CHECKPOINTS.glob("*.py") if p.stem != "_base")


def load_old(name: str) -> Config:
    """The config that made a checkpoint, for training in the present folder."""
    cfg = Config.fromfile(CHECKPOINTS / f"{name}.py")
    cfg.work_dir = "work"
    cfg.experiment_name = f"{name}-{id(cfg)}"
    return cfg


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder that has the data, so that no path of it gets into a file."""
    write_few(folder / "golden_data")
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def resume(name: str, folder: Path) -> Trained:
    """Go on from a checkpoint to the last step; returns what was logged after it.

    Figures have other names today: the logged history goes on under the old ones.
    """
    path = CHECKPOINTS / f"{name}.pth"
    with inside(folder), quickly():
        cfg = load_old(name)
        cfg.load_from, cfg.resume = str(path), True
        runner = build_runner(cfg, strict=True)
        runner.train()
    before = load_checkpoint_file(path)["message_hub"]["log_scalars"]
    figures = figures_of(runner)
    for key in figures.keys() & before.keys():
        figures[key] = figures[key][len(before[key].data[0]) :]
    return {key: values for key, values in figures.items() if values}, runner.model


def use(name: str, folder: Path) -> Trained:
    """Test with a checkpoint, predict with it, and export it: student and teacher.

    Raises:
        AssertionError: If an exported network predicts something else.
    """
    path = CHECKPOINTS / f"{name}.pth"
    figures: dict[str, list[float]] = {}
    with inside(folder), quickly():
        for network in networks(load_old(name)):
            cfg = load_old(name)
            cfg.load_from = str(path)
            choose_network(cfg, network)
            runner = build_runner(cfg, strict=False)
            for key, value in runner.test().items():
                if not is_class_score(key):
                    figures[f"test/{network}/{key}"] = [float(value)]
            if "classifier" in cfg.model:
                continue
            content = load_checkpoint_file(path)
            model = load_model(cfg, content, network)
            model.cfg = cfg
            logits = predict(model, folder)
            figures[f"predict/{network}"] = [logits.sum().item(), logits.norm().item()]
            plain = export(cfg, content, folder / "exported", network)
            files = (str(plain.config), str(plain.checkpoint))
            assert torch.equal(
                predict(init_model(*files, device="cpu"), folder), logits
            )
    return figures, runner.model


def networks(cfg: Config) -> list[str]:
    """Which networks the model of a config has."""
    return ["student", "teacher"] if cfg.model.teacher else ["student"]


def predict(model: nn.Module, folder: Path) -> Tensor:
    """A model's logits of one image, in float64."""
    image = str(folder / "golden_data" / "images" / "00.png")
    return inference_model(model, image).seg_logits.data.double()


def make(name: str, folder: Path) -> Path:
    """Train all steps; returns the checkpoint that was made on the way."""
    with inside(folder):
        cfg = load_old(name)
        cfg.experiment_name = name
        build_runner(cfg, strict=False).train()
    return folder / "work" / f"iter_{SAVED}.pth"


def main() -> None:
    """Make the checkpoints of all configs in a folder."""
    use_safe_checkpoints()
    for name in names():
        folder = Path(sys.argv[1], name).resolve()
        folder.mkdir(parents=True)
        path = make(name, folder)
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
