"""Golden runs: what 20 steps of every method gave, and a comparison with today's.

``tests/golden/KIND/NAME.json`` holds one training: every figure of every step, and the
sum and the L2 norm, in float64, of every parameter and buffer after the last step. The
floats are written so that reading them gives the same bits.

    PYTHONPATH=. python tests/golden_runs.py --record              # all of them
    PYTHONPATH=. python tests/golden_runs.py --record tiny/s4gan shrunk/mlmt
    PYTHONPATH=. python tests/golden_runs.py --compare             # bit for bit
    GOLDEN_EXACT=1 python -m pytest tests/test_golden.py           # the same, as tests

Without ``GOLDEN_EXACT=1`` the comparison allows for other processors: ``FIGURES``,
``UNSTEADY``.

Record again only what was meant to change, and commit the files alone: the message says
what changed and why. Where only a name changes, rename it in the files, and leave the
numbers alone: all are those of commit 2484bd5, whose objectives were a list, but for
six of ``shrunk``, whose schedules end later since then, and for those with Adam or
AdamW, whose step is torch's fused one since 9897165, with other rounding. Later
came, in ``lite0``, those of UniMatch, CutOut, interpolation and ClassMix, in ``demo``
FixMatch and UniMatch V2, and all of CPS, PrevMatch, ST, ST++, AugSeg and U2PL. All of
``lite0`` are those of 42c37a4, whose network has channels last, with other rounding.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import golden_checkpoints
import golden_trainings
import numpy as np
import torch
from mmengine.registry import init_default_scope
from torch import nn

from mmseg_semisup.core.checkpoint import use_safe_checkpoints

FOLDER = Path(__file__).parent / "golden"
EXACT = os.environ.get("GOLDEN_EXACT") == "1"
FIGURES, STATE, ZERO = 3e-5, 1e-3, 1e-6
"""How far another processor's rounding may lead, without ``GOLDEN_EXACT=1``.

Of a figure, relative to it; of sum and norm of a tensor, relative to its norm, and
``ZERO`` where that is nothing but rounding.
Measured with the instructions of older processors (``ATEN_CPU_CAPABILITY=default``
with ``ONEDNN_MAX_CPU_ISA=SSE41``) instead of AVX-512: at most 4e-6 and 3e-4.
"""
UNSTEADY = (
    "lite0",
    "demo",
    "shrunk/augseg",
    "shrunk/context_aware",
    "shrunk/cps",
    "shrunk/mean_teacher",
    "shrunk/mlmt",
    "shrunk/prevmatch",
    "shrunk/u2pl",
    "tiny/u2pl",
)
"""Where rounding decides what is learnt.

A pixel whose two best classes are almost equal gets the other one elsewhere. AdamW's
first steps only know signs, of gradients that are almost zero, too; and some of these
learn fast with batch norm over two images. Their losses differ by 1e-4 in the second
step and by 1e-1 in the last. Without ``GOLDEN_EXACT=1``, only the first of 20 steps is
taken and compared, and which tensors there are.
"""
COUNTED, COUNTS = ("top_class", "acc_seg", "selected", "agreement"), 0.05
"""Ends of the names of figures that count pixels, and how far they may be off there."""
KINDS = {
    **golden_trainings.KINDS,
    "resumed": golden_checkpoints.resume,
    "used": golden_checkpoints.use,
}
"""What trains a run, from its name and a folder for data."""


class Numbers(NamedTuple):
    """What a training gave.

    Args:
        figures: Of each step, by the name in the log.
        state: Sum and L2 norm of each entry of the state_dict, by its name.
    """

    figures: dict[str, list[float]]
    state: dict[str, list[float]]


def names_of(kind: str) -> list[str]:
    """The runs of a kind that can be recorded."""
    if kind in ("resumed", "used"):
        return golden_checkpoints.names()
    return golden_trainings.names(kind)


def record_path(name: str) -> Path:
    """The file of a run."""
    return FOLDER / f"{name}.json"


def recorded_names(kind: str) -> list[str]:
    """The runs of a kind that there are records of."""
    return sorted(f"{kind}/{path.stem}" for path in (FOLDER / kind).glob("*.json"))


def run(name: str, folder: Path, exact: bool = EXACT) -> Numbers:
    """Train a run on one thread.

    Args:
        name: KIND/NAME.
        folder: For its data, which several runs may share.
        exact: Whether all steps are taken where rounding decides what is learnt.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    init_default_scope("mmseg")
    kind, _, training = name.partition("/")
    try:
        if exact or not name.startswith(UNSTEADY):
            figures, model = KINDS[kind](training, folder)
        else:
            figures, model = KINDS[kind](training, folder, steps=1)
        return Numbers(without_rates(figures), state_numbers(model))
    finally:
        torch.set_num_threads(threads)


def without_rates(figures: dict[str, list[float]]) -> dict[str, list[float]]:
    """Figures without the learning rates of groups, whose names follow the grouping."""
    return {name: values for name, values in figures.items() if ".lr/" not in name}


def state_numbers(model: nn.Module) -> dict[str, list[float]]:
    """Sum and L2 norm of each entry of a model's state_dict, computed in float64."""
    values = {k: v.detach().double() for k, v in model.state_dict().items()}
    return {k: [v.sum().item(), v.norm().item()] for k, v in values.items()}


def write(name: str, numbers: Numbers) -> None:
    """Write a record, a figure in each line."""
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in numbers.figures.items()]
    state = json.dumps(to_tree(numbers.state), separators=(",", ":"))
    figures = ",\n".join(lines)
    path = record_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{{"figures": {{\n{figures}\n}},\n"state": {state}}}\n')


def read(name: str) -> Numbers:
    """Read a record."""
    content = json.loads(record_path(name).read_text())
    return Numbers(without_rates(content["figures"]), dict(from_tree(content["state"])))


def to_tree(state: dict[str, list[float]]) -> dict:
    """Nest entries by the parts of their names, which are long and alike."""
    tree: dict = {}
    for name, value in state.items():
        *parents, last = name.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree


def from_tree(tree: dict, prefix: str = "") -> Iterator[tuple[str, list[float]]]:
    """The names and values of a nested dict."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from from_tree(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def differences(
    name: str, expected: Numbers, found: Numbers, exact: bool = EXACT
) -> list[str]:
    """What is not as it was recorded, a line each; the earliest step first.

    Args:
        name: Of the run.
        expected: As recorded.
        found: As found today.
        exact: Whether bit for bit; otherwise as close as other processors come.
    """
    whole = exact or not name.startswith(UNSTEADY)
    if not whole:
        expected, found = first_step(expected, found)
    lines = []
    for part, old, new in zip(Numbers._fields, expected, found, strict=True):
        lines += [(-1, f"{part}: {key} is gone") for key in old.keys() - new.keys()]
        lines += [(-1, f"{part}: {key} is new") for key in new.keys() - old.keys()]
        for key in old.keys() & new.keys():
            if len(old[key]) != len(new[key]):
                counts = f"{len(old[key])} values, now {len(new[key])}"
                lines.append((-1, f"{part}: {key} had {counts}"))
    for key in expected.figures.keys() & found.figures.keys():
        pairs = list(zip(expected.figures[key], found.figures[key], strict=False))
        share = COUNTS if not whole and key.endswith(COUNTED) else FIGURES
        for step, (was, now) in enumerate(pairs):
            if not agree(was, now, 0 if exact else share * abs(was)):
                lines.append((step, f"step {step}: {key} was {was!r}, is {now!r}"))
                break
    if whole:
        for key in expected.state.keys() & found.state.keys():
            was, now = expected.state[key], found.state[key]
            allowed = 0 if exact else STATE * abs(was[1]) + ZERO
            if not all(agree(*pair, allowed) for pair in zip(was, now, strict=True)):
                lines.append((math.inf, f"at the end: {key} was {was!r}, is {now!r}"))
    return [line for _, line in sorted(lines)]


def first_step(expected: Numbers, found: Numbers) -> tuple[Numbers, Numbers]:
    """Two runs without what begins later, or comes now and then."""
    steps = golden_trainings.STEPS
    old = {k: v[:1] for k, v in expected.figures.items() if len(v) == steps}
    others = expected.figures.keys() - old.keys()
    new = {k: v[:1] for k, v in found.figures.items() if k not in others}
    return expected._replace(figures=old), found._replace(figures=new)


def agree(was: float, now: float, allowed: float) -> bool:
    """Whether two values differ by no more than is allowed; NaN equals NaN."""
    return abs(was - now) <= allowed or (math.isnan(was) and math.isnan(now))


def main() -> None:
    """Record runs, or compare them with their records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--record", action="store_true", help="rewrite the files")
    group.add_argument("--compare", action="store_true", help="bit for bit")
    parser.add_argument("names", nargs="*", help="KIND or KIND/NAME; none: all")
    args = parser.parse_args()
    use_safe_checkpoints()
    names = [
        f"{kind}/{name}"
        for kind in KINDS
        for name in names_of(kind)
        if not args.names or {kind, f"{kind}/{name}"} & set(args.names)
    ]
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            found = run(name, Path(folder), exact=True)
            if args.record:
                write(name, found)
                print(f"{name}: {record_path(name).stat().st_size} bytes")
            else:
                lines = differences(name, read(name), found, exact=True)
                failed |= bool(lines)
                print(f"{name}:", *lines[:5] or ["equal"], sep="\n  ")
    sys.exit(failed)


if __name__ == "__main__":
    main()
