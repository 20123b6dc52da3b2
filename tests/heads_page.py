"""Write docs/heads.md: ``python tests/heads_page.py``."""

from __future__ import annotations

from pathlib import Path

from mmseg_parts import KINDS, build

from mmseg_semisup.models.step.prediction import prediction_of

PAGE = Path(__file__).parents[1] / "docs" / "heads.md"
TITLES = {
    "decode_heads": "Decode heads",
    "backbones": "Backbones",
    "necks": "Necks",
    "segmentors": "Segmentors",
}
INTRODUCTION = """\
# Heads, backbones and segmentors of MMSegmentation

Training with unlabelled images reads of a network what the network predicts. The tables
list every decode head, backbone, neck and segmentor in mmseg's registry. *works*: a
test finds that, without dropout and batch statistics,

- the logits that objectives read equal mmseg's `encode_decode`, for student and
  teacher, in training and in evaluation mode;
- the supervised losses equal those of mmseg's own `loss`.

*refused*: building `SemiSegmentor` ends with an error that names the part.

Some heads return several maps. The predicted one is found when the model is built: the
one that equals `encode_decode`. *map* is its number in training mode, from 0. A head of
your own is refused if no map or several maps of its `forward` equal `encode_decode`.
Backbones and necks are tested with an FCNHead, heads on small feature maps.

Probabilities are the softmax of the logits. If all losses of the last head are sigmoid
losses (`use_sigmoid=True`), they are the sigmoids divided by their sum; a DiceLoss
beside other losses is not asked. One class (`num_classes=1`) and one channel for two
classes (`out_channels=1`) are refused: set both to 2.

`python tests/heads_page.py` writes this page.
"""


def page() -> str:
    """The text of docs/heads.md."""
    lines = [INTRODUCTION.rstrip()]
    for kind, title in TITLES.items():
        lines += ["", f"## {title}", ""]
        lines += ["| name | result | map | remark |", "|---|---|---|---|"]
        for name, case in sorted(KINDS[kind].items()):
            if case.refused:
                result, key, remark = "refused", None, case.refused
            else:
                key = prediction_of(build(case)).training
                result, remark = "works", case.remark
            cells = (name, result, "" if key is None else str(key), remark)
            row = "|".join(f" {cell} " if cell else " " for cell in cells)
            lines.append(f"|{row}|")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
