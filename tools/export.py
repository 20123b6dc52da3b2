"""Writes the student or the teacher as a plain MMSegmentation model, or as ONNX, too.

A FusedSegmentor becomes one checkpoint, also if its parts have one each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mmengine.config import DictAction

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import add_trust_argument, run_tool
from mmseg_semisup.core.atomic_io import check_writable
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.plain_files import check_own_folder
from mmseg_semisup.export.onnx_file import OnnxSettings
from mmseg_semisup.export.onnx_graph import INPUTS, OUTPUTS
from mmseg_semisup.export.onnx_model import export_onnx
from mmseg_semisup.export.onnx_packages import onnx_packages
from mmseg_semisup.export.plain_model import export, fused_checkpoint
from mmseg_semisup.models.network_names import configured_networks, predicting_name


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of the training")
    parser.add_argument("checkpoint", nargs="?", help="its checkpoint")
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--network",
        metavar="NAME",
        help="student, teacher, or another of model.networks; default: that which the "
        "config tests",
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        help="changes to the config, e.g. model.segmentor_checkpoint=A.pth",
    )
    parser.add_argument(
        "--onnx",
        action="store_true",
        help="write model.onnx, too, after a comparison with the model on images",
    )
    parser.add_argument(
        "--images",
        nargs="+",
        metavar="PATH",
        help="images, and folders of them, to compare on; otherwise four images of the "
        "config's validation set",
    )
    parser.add_argument(
        "--onnx-input",
        choices=INPUTS,
        default=INPUTS[0],
        help="image (default): pixels as files have them, N x H x W x 3, RGB, uint8; "
        "tensor: normalised, N x 3 x H x W, in the network's order of channels",
    )
    parser.add_argument(
        "--onnx-outputs",
        nargs="+",
        choices=OUTPUTS,
        default=["classes", "confidence"],
        help="classes and confidence (default) of each pixel, or logits",
    )
    parser.add_argument(
        "--onnx-size",
        nargs=2,
        type=int,
        metavar=("HEIGHT", "WIDTH"),
        help="constant size, one image a call; otherwise any number of any size",
    )
    add_trust_argument(parser)
    args = parser.parse_args()
    if not args.onnx and (args.images or args.onnx_size):
        parser.error("--images and --onnx-size need --onnx")
    return args


def main() -> None:
    """Run the tool."""
    args = parse_args()
    settings = OnnxSettings(
        args.onnx_input,
        tuple(args.onnx_outputs),
        tuple(args.onnx_size) if args.onnx_size else None,
    )
    if args.onnx:
        onnx_packages()
    cfg = load_config(args.config, args.cfg_options)
    check_own_folder(args.out)
    check_writable(args.out)
    # One of an earlier call would be of other weights than those beside it.
    Path(args.out, "model.onnx").unlink(missing_ok=True)
    if args.checkpoint is None:
        checkpoint = fused_checkpoint(cfg)
    else:
        checkpoint = load_checkpoint_file(args.checkpoint, trust=args.trust_checkpoint)
    network = args.network or predicting_name(cfg.model)
    exported = export(cfg, checkpoint, args.out, network)
    print(f"config:     {exported.config}\ncheckpoint: {exported.checkpoint}")
    if len(configured_networks(cfg.model)) > 1:
        print(f"network:    {network}")
    if exported.own_parts:
        print(
            f"The model has parts that MMSegmentation lacks ("
            f"{', '.join(exported.own_parts)}): the config imports mmseg_semisup, "
            "which must be installed where it is used."
        )
    else:
        print("The model consists of MMSegmentation's own parts: it works without us.")
    if args.onnx:
        print(export_onnx(cfg, exported, args.images, settings))


if __name__ == "__main__":
    run_tool(main)
