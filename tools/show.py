"""Shows what a network says of images, on a page in the browser."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from mmengine.config import DictAction

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.cli.launch import add_trust_argument, run_tool
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.export.demo_page import Demo, build_page, gradio_library


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", help="config of the training, or an exported one")
    parser.add_argument("checkpoint", help="its checkpoint")
    parser.add_argument("--port", type=int, default=7860, help="port of the page")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address that the page listens at; 0.0.0.0 lets other machines in",
    )
    parser.add_argument(
        "--device", default="cuda" if torch.cuda.is_available() else "cpu"
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=DictAction,
        help="changes to the config as key=value",
    )
    add_trust_argument(parser)
    return parser.parse_args()


def main() -> None:
    """Run the tool."""
    args = parse_args()
    gradio_library()
    cfg = load_config(args.config, args.cfg_options)
    checkpoint = load_checkpoint_file(args.checkpoint, trust=args.trust_checkpoint)
    page = build_page(Demo(cfg, checkpoint, args.device), Path(args.config).stem)
    page.launch(server_name=args.host, server_port=args.port, share=False)


if __name__ == "__main__":
    run_tool(main)
