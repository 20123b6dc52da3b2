"""Golden runs: what 20 steps of every method gave, and a comparison with today's.

``tests/golden/KIND/NAME.json`` holds one training: every figure of every step, and the
sum and the L2 norm, in float64, of every parameter and buffer after the last step. The
floats are written so that reading them gives the same bits.

    PYTHONPATH=. python tests/golden_runs.py --record              # all of them
    PYTHONPATH=. python tests/golden_runs.py --record tiny/s4gan shrunk/mlmt
    PYTHONPATH=. python tests/golden_runs.py --compare             # bit for bit
    GOLDEN_EXACT=1 python -m pytest tests/test_golden.py           # the same, as tests

Without ``GOLDEN_EXACT=1`` the comparison allows for other processors, see ``ALLOWED``.

Record again only what was meant to change, and commit the files alone: the message says
what changed and why. Where only a name changes, edit :func:`present_name` instead.
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

import golden_trainings
import numpy as np
import torch
from mmengine.registry import init_default_scope
from torch import nn

FOLDER = Path(__file__).parent / "golden"
EXACT = os.environ.get("GOLDEN_EXACT") == "1"
FIRST, LAST = 1e-5, 1e-3


class Numbers(NamedTuple):
    """What a training gave.

    Args:
        figures: Of each step, by the name in the log.
        state: Sum and L2 norm of each entry of the state_dict, by its name.
    """

    figures: dict[str, list[float]]
    state: dict[str, list[float]]


def present_name(name: str) -> str:
    """What a figure or an entry of the state that was recorded is called today."""
    return name


def record_path(name: str) -> Path:
    """The file of a run."""
    return FOLDER / f"{name}.json"


def recorded_names(kind: str) -> list[str]:
    """The runs of a kind that there are records of."""
    return sorted(f"{kind}/{path.stem}" for path in (FOLDER / kind).glob("*.json"))


def run(name: str, folder: Path) -> Numbers:
    """Train a run's 20 steps on one thread.

    Args:
        name: KIND/NAME.
        folder: For its data, which several runs may share.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    init_default_scope("mmseg")
    kind, _, training = name.partition("/")
    try:
        figures, model = golden_trainings.KINDS[kind](training, folder)
        return Numbers(figures, state_numbers(model))
    finally:
        torch.set_num_threads(threads)


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
    """Read a record, by the present names."""
    content = json.loads(record_path(name).read_text())
    state = dict(from_tree(content["state"]))
    return Numbers(
        {present_name(k): v for k, v in content["figures"].items()},
        {present_name(k): v for k, v in state.items()},
    )


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


def differences(expected: Numbers, found: Numbers, exact: bool = EXACT) -> list[str]:
    """What is not as it was recorded, a line each; the earliest step first."""
    lines = []
    for part, old, new in zip(Numbers._fields, expected, found, strict=True):
        lines += [(-1, f"{part}: {name} is gone") for name in old.keys() - new.keys()]
        lines += [(-1, f"{part}: {name} is new") for name in new.keys() - old.keys()]
        for name in old.keys() & new.keys():
            if len(old[name]) != len(new[name]):
                counts = f"{len(old[name])} values, now {len(new[name])}"
                lines.append((-1, f"{part}: {name} had {counts}"))
                continue
            for step, pair in enumerate(zip(old[name], new[name], strict=True)):
                if not agree(*pair, step, part, exact):
                    was, now = pair
                    step = step if part == "figures" else golden_trainings.STEPS
                    line = f"step {step}: {name} was {was!r}, is {now!r}"
                    lines.append((step, line))
                    break
    return [line for _, line in sorted(lines)]


def agree(was: float, now: float, step: int, part: str, exact: bool) -> bool:
    """Whether two values are the same, or as close as other processors compute them."""
    if was == now or (math.isnan(was) and math.isnan(now)):
        return True
    if exact:
        return False
    share = 1 if part == "state" else step / golden_trainings.STEPS
    allowed = FIRST ** (1 - share) * LAST**share
    return math.isclose(was, now, rel_tol=allowed, abs_tol=allowed)


def main() -> None:
    """Record runs, or compare them with their records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--record", action="store_true", help="rewrite the files")
    group.add_argument("--compare", action="store_true", help="bit for bit")
    parser.add_argument("names", nargs="*", help="KIND or KIND/NAME; none: all")
    args = parser.parse_args()
    every = [
        f"{k}/{n}" for k in golden_trainings.KINDS for n in golden_trainings.names(k)
    ]
    names = [
        n
        for n in every
        if not args.names or n in args.names or n.split("/")[0] in args.names
    ]
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            found = run(name, Path(folder))
            if args.record:
                write(name, found)
                print(f"{name}: {record_path(name).stat().st_size} bytes")
            else:
                lines = differences(read(name), found, exact=True)
                failed |= bool(lines)
                print(f"{name}:", *lines[:5] or ["equal"], sep="\n  ")
    sys.exit(failed)


if __name__ == "__main__":
    main()
