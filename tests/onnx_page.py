"""Export every decode head as ONNX, and write the table of docs/onnx.md.

``python tests/onnx_page.py [HEAD ...]`` takes minutes; named heads replace their rows.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg_heads import HEADS

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.export.onnx_check import Agreement, compare
from mmseg_semisup.export.onnx_file import to_onnx
from mmseg_semisup.export.onnx_graph import OnnxNetwork

PAGE = Path(__file__).parents[1] / "docs" / "onnx.md"
BEGIN, END = "<!-- heads -->\n", "<!-- end of heads -->\n"
NORMALISATION = {
    "type": "SegDataPreProcessor",
    "mean": [120.0] * 3,
    "std": [60.0] * 3,
    "bgr_to_rgb": True,
    "size_divisor": 1,
}
MEANINGS = {
    "logits differ": "predicts otherwise at another size",
    "itself cannot predict": "the network needs larger images than the test has",
    "Cannot view a tensor": "number or size of the images becomes a constant",
    "gives logits of": "predicts maps of another size",
    "onnxruntime cannot predict": "onnxruntime fails at another size",
}
WORKS, CONSTANT, REFUSED = "any size", "constant size", "refused"
NOT_TRIED = "not tried"
"""Networks with this head are not trained here."""


def outcome(name: str) -> tuple[str, str]:
    """Export a head's tiny segmentor and compare both.

    Returns:
        The result, and why it is not better.
    """
    case = HEADS[name]
    if case.segmentor is None or case.refused:
        return NOT_TRIED, case.refused
    init_default_scope("mmseg")
    torch.manual_seed(0)
    cfg = {**case.segmentor, "data_preprocessor": NORMALISATION}
    try:
        model = MODELS.build(ConfigDict(cfg)).eval()
    except RuntimeError as error:
        if "ops" not in str(error):
            raise
        return REFUSED, "needs a compiled operator of mmcv"
    data = image(case.size + 32, case.size)
    try:
        try:
            export(model, data, None)
            return WORKS, ""
        except ConfigError as error:
            reason = sentence(error)
            export(model, data, tuple(data["inputs"].shape[-2:]))
            return CONSTANT, reason
    except ConfigError as error:
        reason = sentence(error).replace(" at another size", "")
        return REFUSED, f"{reason} ({case.remark})" if case.remark else reason


def image(height: int, width: int) -> dict:
    """Noise, as a test pipeline gives it."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
    size = (height, width)
    data = {"img": pixels, "img_path": "noise", "ori_shape": size, "img_shape": size}
    return Compose([{"type": "PackSegInputs"}])({**data, "scale_factor": (1.0, 1.0)})


def export(model, data: dict, size: tuple[int, int] | None) -> Agreement:
    """Export a model, and raise ConfigError if that fails or predicts otherwise."""
    network = OnnxNetwork(model).eval()
    proto = to_onnx(network, data["inputs"].shape, size)
    return compare(proto.SerializeToString(), network, model, {"an image": data}, size)


def sentence(error: ConfigError) -> str:
    """An error's reason, without figures, the option and the advice."""
    text = str(error).removeprefix("--onnx: ").partition("; with --onnx-size")[0]
    for begin, meaning in MEANINGS.items():
        if begin in text:
            return meaning
    return text.partition(": ")[2].replace("|", "/").strip() or text


def row(name: str, result: str, reason: str) -> str:
    """A row of the table."""
    return f"| {name} | {result} | {reason} |".replace("  ", " ")


def rows(text: str) -> dict[str, str]:
    """The rows of the page's table, by head."""
    table = text[text.index(BEGIN) + len(BEGIN) : text.index(END)]
    lines = table.splitlines()[2:]
    return {line.split("|")[1].strip(): line for line in lines if line}


def main(names: list[str]) -> None:
    """Export, and write the page."""
    for name in names or sorted(HEADS):
        result, reason = outcome(name)
        print(f"{name}: {result} {reason}", flush=True)
        text = PAGE.read_text(encoding="utf-8")
        known = {**rows(text), name: row(name, result, reason)}
        lines = ["| head | result | why |", "|---|---|---|"]
        lines += [known[each] for each in sorted(known)]
        before, after = text[: text.index(BEGIN)], text[text.index(END) :]
        table = "\n".join(lines)
        PAGE.write_text(f"{before}{BEGIN}{table}\n{after}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
