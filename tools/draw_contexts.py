"""Draws two crops of unlabelled images, and a trained model's confidence in them.

The picture shows the crops with their overlap, the confidence in both, and the features
that would be pulled, with the direction. With --embeddings, a second picture shows the
features of the overlap in two dimensions, coloured by the model's own classes. For a
checkpoint of the segmentor alone, e.g. of a supervised training, these are the features
in front of its classifier.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.logging import MMLogger
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS, MODELS
from torch import Tensor

from mmseg_semisup.benchmark.step import load_batch
from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import add_trust_argument, run_tool
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.config_types import is_type
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.models.data_preprocessor import prepared_model
from mmseg_semisup.models.objectives import ContextContrastObjective
from mmseg_semisup.models.segmentors import SemiSegmentor
from mmseg_semisup.visualization.contexts import compare_contexts, draw_contexts
from mmseg_semisup.visualization.embeddings import METHODS, draw_features
from mmseg_semisup.visualization.panels import write_picture


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="path of a config, or name of a shipped one")
    parser.add_argument(
        "checkpoint", help="checkpoint of a training with that segmentor"
    )
    parser.add_argument("--out", required=True, metavar="PNG", help="picture to write")
    parser.add_argument("--count", type=int, default=4, help="number of images")
    parser.add_argument(
        "--embeddings",
        choices=METHODS,
        help="also draw features, into OUT with -METHOD in its name",
    )
    add_trust_argument(parser)
    return parser.parse_args()


def load_weights(model: SemiSegmentor, state_dict: dict[str, Tensor]) -> None:
    """Load a checkpoint; without objectives in it, features are not projected."""
    if not any(name.startswith("objectives.") for name in state_dict):
        print("the checkpoint has no projector: features are drawn without")
        for objective in model.objectives.values():
            if isinstance(objective, ContextContrastObjective):
                objective.projector = None
        own = model.state_dict()
        missing = {k: v for k, v in own.items() if k.startswith("objectives.")}
        state_dict = {**missing, **state_dict}
    model.load_state_dict(state_dict)


def main() -> None:
    """Run the tool."""
    args = parse_args()
    MMLogger.get_current_instance().setLevel("WARNING")
    cfg = load_config(args.config)
    if not is_type(cfg.model, MODELS, SemiSegmentor):
        raise ConfigError(f"model.type={cfg.model.type!r}, not SemiSegmentor")
    checkpoint = load_checkpoint_file(args.checkpoint, trust=args.trust_checkpoint)
    init_default_scope(cfg.get("default_scope", "mmseg"))
    batch = load_batch(cfg)
    model = revert_sync_batchnorm(MODELS.build(prepared_model(cfg)))
    load_weights(model, checkpoint["state_dict"])
    write_picture(draw_contexts(model, batch, args.count), args.out)
    if args.embeddings:
        meta = DATASETS.build(cfg.val_dataloader.dataset).metainfo
        _, _, pairs = compare_contexts(model, batch)
        overlap = pairs.overlap.flatten(1)[: args.count]
        views = {
            "first crop": pairs.first,
            "second crop, same pixels": pairs.counterpart,
        }
        count = args.count
        picture = draw_features(
            {k: view.features[:count][overlap] for k, view in views.items()},
            {k: view.labels[:count][overlap] for k, view in views.items()},
            meta["palette"],
            args.embeddings,
            meta["classes"],
        )
        out = Path(args.out)
        write_picture(picture, out.with_stem(f"{out.stem}-{args.embeddings}"))


if __name__ == "__main__":
    run_tool(main)
