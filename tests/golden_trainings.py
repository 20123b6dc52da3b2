"""The trainings of the golden runs: tiny methods, and shipped configs made small."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import resume_helpers
import torch
from golden_data import write_animals, write_demo, write_images
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmseg.visualization import SegLocalVisualizer
from tiny_methods import METHODS, build_method, method_batch, optimizers_of
from torch import nn

import mmseg_semisup  # noqa: F401, registers its parts
from mmseg_semisup.cli.config import load_config
from mmseg_semisup.composition import COMPOSED
from mmseg_semisup.demo.scenes import CLASSES, PALETTE
from mmseg_semisup.engine.hooks import MethodCheckHook
from mmseg_semisup.engine.progress_log import is_class_score
from mmseg_semisup.engine.runner import build_runner
from mmseg_semisup.evaluation.kept_pixels import KEPT, PRECISION
from mmseg_semisup.stages import split_stages

STEPS = 20
BATCHES = 5
CROP = 48
CONFIGS = Path(__file__).parents[1] / "configs"
SHIPPED = {
    "lite0": ("*/*_lite0_2k_voc-animals-65.py", "data/voc_animals", write_animals),
    "demo": ("demo/*.py", "work_dirs/demo/seed0/data", write_demo),
}
"""Which configs are trained, where they look for data, and what writes it."""
MASKS = {
    "lite0": dict(
        type="VOCAnimalsDataset",
        data_root="data/voc_animals",
        ann_file="splits/train_aug.txt",
    ),
    "demo": dict(
        type="BaseSegDataset",
        data_root="work_dirs/demo/seed0/data",
        data_prefix=dict(img_path="images", seg_map_path="masks"),
        img_suffix=".png",
        seg_map_suffix=".png",
        ann_file="splits/unlabeled.txt",
        metainfo=dict(classes=[*CLASSES], palette=[list(c) for c in PALETTE]),
    ),
}
"""What stands in for pseudo-masks; stores of them have tests of their own."""
OWN_DATA = {
    "demo": {},
    "lite0": {
        "Cutout": dict(size=12),
        "LatentClassObjective": dict(update_rate=8 / 65),
    },
    "shrunk": {
        "Cutout": dict(size=32),
        "LatentClassObjective": dict(update_rate=4 / 1322),
    },
}
"""What follows from larger data: a tenth of the side of crops in pixels, and labelled
images of a step by those of the data set."""
THRESHOLDS = {
    "shrunk/adv_semi_seg": 0.5187,
    "shrunk/s4gan": 0.4675,
    "lite0/s4gan_lite0_2k_voc-animals-65": 0.49,
}
"""Where 20 steps would select everything or nothing, a score that some pass."""
SOONER = ("start", "ramp", "begin", "end")
Trained = tuple[dict[str, list[float]], nn.Module]


def train_tiny(method: str, folder: Path, steps: int = STEPS) -> Trained:
    """A tiny method, step by step, without a runner."""
    model = build_method(method)
    wrapper = build_optim_wrapper(model, optimizers_of(model))
    torch.manual_seed(0)
    figures: dict[str, list[float]] = {}
    for step in range(steps):
        logged = model.train_step(method_batch(step % BATCHES, 2, 2), wrapper)
        model.follow()
        for name, value in logged.items():
            figures.setdefault(name, []).append(value.item())
    return figures, model


def train_shrunk(method: str, folder: Path, steps: int = STEPS) -> Trained:
    """A shipped config with narrow networks, as the tests of resuming shrink it."""
    work_dir = folder / "shrunk" / method
    images = write_images(folder / "few")
    # The records are from before heads were narrow.
    cfg = resume_helpers.tiny_config(method, images, work_dir, narrow_heads=False)
    content = {k: v for k, v in cfg.to_dict().items() if k != COMPOSED}
    cfg = Config(as_recorded(content, "shrunk"), filename=cfg.filename)
    return train_config(cfg, THRESHOLDS.get(f"shrunk/{method}"), steps)


def train_shipped(kind: str) -> Callable[..., Trained]:
    """Shipped configs with their networks and pretrained weights, and small crops."""

    def train(name: str, folder: Path, steps: int = STEPS) -> Trained:
        *_, write_data = SHIPPED[kind]
        root = write_data(folder / kind)
        cfg = shipped_config(kind, name)
        content = {k: v for k, v in cfg.to_dict().items() if k != COMPOSED}
        cfg = Config(as_recorded(smaller(content, kind, root), kind))
        share = STEPS / cfg.train_cfg.max_iters
        for key in ("model", "param_scheduler"):
            cfg[key] = sooner(cfg[key], share)
        loader = cfg.train_dataloader
        loader.batch_size = 2 * sum(loader.sampler.ratio.values())
        for loader in (cfg.train_dataloader, cfg.val_dataloader):
            loader.update(num_workers=0, persistent_workers=False)
        cfg.custom_hooks = [h for h in cfg.custom_hooks if "DataCheck" not in h.type]
        cfg.work_dir = str(folder / "work" / kind / name)
        cfg.experiment_name = f"{kind}-{name}-{id(cfg)}"
        return train_config(cfg, THRESHOLDS.get(f"{kind}/{name}"), steps)

    return train


KINDS = {
    "tiny": train_tiny,
    "shrunk": train_shrunk,
    **{kind: train_shipped(kind) for kind in SHIPPED},
}


def names(kind: str) -> list[str]:
    """The runs of a kind that can be recorded."""
    if kind in SHIPPED:
        return shipped_names(kind)
    return sorted({"tiny": METHODS, "shrunk": resume_helpers.METHODS}[kind])


def shipped_names(kind: str) -> list[str]:
    """The configs of a kind, with the stage if they have stages.

    Stages whose configs stand in files of their own are left out: these are here, too.
    """
    found = []
    for path in sorted(CONFIGS.glob(SHIPPED[kind][0])):
        stages = load_config(path, stages="keep").get("stages") or [None]
        for spec in stages:
            if spec is None:
                found.append(path.stem)
            elif spec.get("task") != "evaluate" and "config" not in spec:
                found.append(f"{path.stem}-{spec.name}")
    return found


def shipped_config(kind: str, name: str) -> Config:
    """The config of one of :func:`shipped_names`."""
    folder, _, _ = SHIPPED[kind][0].rpartition("/")
    paths = {path.stem: path for path in CONFIGS.glob(f"{folder}/*.py")}
    if name in paths:
        return load_config(paths[name], stages="keep")
    stem, _, stage = name.rpartition("-")
    cfg = load_config(paths[stem], stages="keep")
    return {s.name: s for s in split_stages(cfg)}[stage].cfg


def smaller(node: object, kind: str, root: Path) -> object:
    """A config with small crops, its data elsewhere, and masks for pseudo-masks."""
    if isinstance(node, (list, tuple)):
        return type(node)(smaller(item, kind, root) for item in node)
    if not isinstance(node, dict):
        return str(root) if node == SHIPPED[kind][1] else node
    if node.get("type") == "PseudoMaskDataset":
        node = dict(MASKS[kind], pipeline=node["pipeline"])
    node = {key: smaller(value, kind, root) for key, value in node.items()}
    if "crop_size" in node:
        node["crop_size"] = (CROP, CROP)
    if str(node.get("type")).endswith("DataPreprocessor") and "size" in node:
        node["size"] = (CROP, CROP)
    if node.get("type") in ("Resize", "RandomResize") and "scale" in node:
        node["scale"] = (CROP + 16, CROP + 16)
    if node.get("type") == "LoadPseudoMask":
        node["store"] = None
    return node


def as_recorded(node: object, kind: str) -> object:
    """A config with what it derives from its data, for the data that are its own."""
    if isinstance(node, (list, tuple)):
        return type(node)(as_recorded(item, kind) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: as_recorded(value, kind) for key, value in node.items()}
    return {**node, **OWN_DATA[kind].get(str(node.get("type")), {})}


def sooner(node: object, share: float) -> object:
    """A part of a config in which iterations come after a share of their number."""
    if isinstance(node, (list, tuple)):
        return type(node)(sooner(item, share) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: sooner(value, share) for key, value in node.items()}
    for key in node.keys() & set(SOONER):
        node[key] = scaled(node[key], share)
    if isinstance(node.get("momentum"), (list, tuple)):
        node["momentum"] = [(scaled(i, share), v) for i, v in node["momentum"]]
    return node


def counted(node: object) -> object:
    """A part of a config whose shares of a training are numbers of the 20 steps."""
    if isinstance(node, (list, tuple)):
        return type(node)(counted(item) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: counted(value) for key, value in node.items()}
    for key in node.keys() & {"start", "ramp"}:
        node[key] = in_steps(node[key])
    if isinstance(node.get("momentum"), (list, tuple)):
        # Of shares that are the same step, the last one counts.
        table = {in_steps(i): v for i, v in node["momentum"]}
        node["momentum"] = list(table.items())
    return node


def in_steps(value: object) -> object:
    """A share of the 20 steps as their number, or other values as they are."""
    if isinstance(value, dict):
        return {key: in_steps(item) for key, item in value.items()}
    return round(value * STEPS) if isinstance(value, float) else value


def with_threshold(node: object, value: float) -> object:
    """A config with another threshold, whatever it is called."""
    if isinstance(node, (list, tuple)):
        return type(node)(with_threshold(item, value) for item in node)
    if not isinstance(node, dict):
        return node
    return {
        key: value if key in ("threshold", "gamma") else with_threshold(item, value)
        for key, item in node.items()
    }


def scaled(value: object, share: float) -> object:
    """Numbers of iterations times a share, at least 1 if they were."""
    if isinstance(value, dict):
        return {key: scaled(item, share) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(scaled(item, share) for item in value)
    if isinstance(value, bool) or not isinstance(value, int) or value == 0:
        return value
    return max(1, round(value * share))


def train_config(cfg: Config, threshold: float | None, steps: int) -> Trained:
    """Train a config's first steps as the tool does; validate after all 20.

    Args:
        cfg: The config.
        threshold: For all that the model selects; None: as they are.
        steps: How many of the 20 to take.
    """
    if threshold is not None:
        cfg.model = with_threshold(cfg.model, threshold)
    # Fewer steps are the first of the 20, so shares are of all of them.
    cfg.model = counted(cfg.model)
    cfg.train_cfg.update(max_iters=steps, val_interval=STEPS)
    cfg.default_hooks.pop("visualization", None)
    cfg.default_hooks.checkpoint.update(interval=10**6, save_best=None, save_last=False)
    cfg.visualizer = dict(type="Visualizer", vis_backends=[])
    cfg.log_level = "ERROR"
    with contextlib.ExitStack() as stack:
        stack.enter_context(quickly())
        if steps < STEPS:
            # What starts later than the few steps is no mistake here.
            check = mock.patch.object(MethodCheckHook, "before_train")
            stack.enter_context(check)
        runner = build_runner(cfg, strict=False)
        runner.train()
    return figures_of(runner), runner.model


def figures_of(runner: Runner) -> dict[str, list[float]]:
    """All that a runner has logged but times, each in the order of the steps.

    The scores of single classes are left out: their means are there. So is what the
    check of thresholds counts: it changes nothing, and its own tests know it.
    """
    return {
        name: [float(value) for value in scalar.data[0]]
        for name, scalar in runner.message_hub.log_scalars.items()
        if "time" not in name
        and "memory" not in name
        and not is_class_score(name)
        and not name.endswith((f"/{PRECISION}", f"/{KEPT}"))
    }


@contextlib.contextmanager
def quickly() -> Iterator[None]:
    """Without printing configs, which takes longer than a tiny training."""
    # A visualizer of the same name would go on writing into an earlier run's folder.
    SegLocalVisualizer._instance_dict.clear()
    with (
        mock.patch("yapf.yapflib.yapf_api.FormatCode", lambda text, **_: (text, True)),
        mock.patch.object(Runner, "_log_env"),
    ):
        yield
