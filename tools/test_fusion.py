"""Evaluates a segmentor with and without a classifier: Mittal et al.'s Table 5."""

from __future__ import annotations

import argparse

import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from prettytable import PrettyTable

from mmseg_semisup.engine.checkpoint import use_safe_checkpoints
from mmseg_semisup.engine.config import ConfigError, find_config, load_config
from mmseg_semisup.engine.launch import add_common_arguments, run_tool
from mmseg_semisup.evaluation.fusion import basic_rules, best_pixels, count, mean_iou


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="a config whose model is a FusedSegmentor")
    parser.add_argument("--segmentor", required=True, help="checkpoint, e.g. of s4GAN")
    parser.add_argument("--classifier", required=True, help="checkpoint of MLMT")
    parser.add_argument("--baseline", help="checkpoint of the supervised segmentor")
    parser.add_argument("--cnn", help="checkpoint of the supervised classifier")
    for part, default in (("segmentor", "student"), ("classifier", "teacher")):
        parser.add_argument(
            f"--{part}-network", choices=("student", "teacher"), default=default
        )
    parser.add_argument("--name", default="s4GAN", help="what to call the segmentor")
    parser.add_argument("--out", metavar="PTH", help="write both as one checkpoint")
    add_common_arguments(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    cfg = load_config(find_config(args.config), args.cfg_options)
    if cfg.model.type != "FusedSegmentor":
        raise ConfigError(
            f"the config's model is a {cfg.model.type}, no FusedSegmentor"
        )
    init_default_scope("mmseg")
    use_safe_checkpoints(trust=args.trust_checkpoint)
    loader = Runner.build_dataloader(cfg.test_dataloader)
    classes = tuple(loader.dataset.metainfo["classes"])
    if classes != tuple(cfg.model.classes):
        raise ConfigError(f"the data has the classes {classes}, the model others")

    def build(segmentor: str, classifier: str, network: str) -> torch.nn.Module:
        cfg.model.update(
            segmentor_checkpoint=segmentor,
            classifier_checkpoint=classifier,
            segmentor_network=args.segmentor_network,
            classifier_network=network,
        )
        if segmentor == args.baseline:
            cfg.model.segmentor_network = "student"
        try:
            model = MODELS.build(cfg.model)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        return model.cuda() if torch.cuda.is_available() else model

    model = build(args.segmentor, args.classifier, args.classifier_network)
    rules = basic_rules(model.tau)
    found = count(model, loader, rules)
    number, numbers = best_pixels(found)
    rows = {}
    if args.baseline:
        simple = {name: rules[name] for name in ("only", "classifier")}
        baseline = build(args.baseline, args.classifier, args.classifier_network)
        base = count(baseline, loader, simple)
        rows["supervised"] = base["only"]
        rows["MLMT only"] = base["classifier"]
    rows[f"{args.name} only"] = found["only"]
    rows[f"{args.name} + threshold ({number} pixels)"] = found[f"pixels {number}"]
    classwise = {"classwise": lambda pixels, scores: pixels >= numbers}
    second = model
    if args.cnn:
        second = build(args.segmentor, args.cnn, "student")
        classwise["cnn"] = rules["classifier"]
    more = count(second, loader, classwise)
    rows[f"{args.name} + class-wise threshold"] = more["classwise"]
    if args.cnn:
        rows[f"{args.name} + CNN"] = more["cnn"]
    rows[f"{args.name} + MLMT"] = found["classifier"]
    table = PrettyTable(["method", "mIoU"])
    for name, confusion in rows.items():
        table.add_row([name, f"{mean_iou(confusion):.2f}"])
    print(table)
    if args.out:
        meta = {"dataset_meta": {"classes": classes}}
        torch.save({"meta": meta, "state_dict": model.cpu().state_dict()}, args.out)


if __name__ == "__main__":
    run_tool(main)
