"""Measure the composition on MMSegmentation's configs, and write the page about it.

``python tests/compose_page.py`` composes all shipped configs, trains a sample of them
at a tiny size, and writes docs/mmseg_configs.md. Results are kept in
tests/golden/mmseg_configs.json: trainings that are there are not repeated, but those
whose name contains ``--again PART``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from mmengine.logging import MMLogger
from mmseg_configs import CONFIGS, MISSING, ROOT, all_configs
from mmseg_trial import RUNS, try_method

from mmseg_semisup.compat import DISTRIBUTIONS, installed_versions
from mmseg_semisup.composition import compose, read_config, resolve_method

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "mmseg_configs.md"
KEPT = REPOSITORY / "tests" / "golden" / "mmseg_configs.json"
METHODS = ("cutmix", "adv_semi_seg", "context_aware")
COMMAND = "python tests/compose_page.py"
TOLERANCE = 1e-6
"""Of a difference from mmseg's losses and predictions, in float32."""

INTRODUCTION = """\
# MMSegmentation's configs

What `--method` does with the configs that ship with MMSegmentation, `mmseg::NAME`.
`{command}` measured it with {versions},
on {hardware}.

## All configs

{configs} configs ship; {loaded} can be read here. Composed at commit {commit} with
`--unlabeled photos`: {composed}.
Among them are CCNet and PSANet, which need compiled operators of MMCV.
The others are refused in one line:

| configs | reason |
|---|---|
{refused}

## Trainings at a tiny size

{count} configs of all families at the commits {commits}, with the whole network
and random weights, crops of 64 pixels (LRASPP: 400), two labelled and two unlabelled
images, and generated masks in the layout of the data set. A cell is *right* if the
config composes, is written and read again, is built, takes two steps with all
objectives on and finite losses, and predicts; if, besides,

- the logits that objectives read, of student and teacher, equal `encode_decode`;
- the supervised losses equal those of mmseg's own `loss`;
- learning rate and weight decay of every parameter of the segmentor are those of plain
  training.

**{right} of {cells} are right**, {refused_cells} are refused in one line, {failed}
fail. Whether a method helps is not measured here.

| config | {methods} | remark |
|---|{lines}---|
{rows}

Why cells are refused:

{reasons}

Configs whose networks cannot be built with the packages that are installed here:

| config | reason |
|---|---|
{missing}
"""


def compose_all(methods: tuple[str, ...] = METHODS) -> dict[str, Any]:
    """Compose every shipped config with each method.

    Returns:
        ``configs`` and ``loaded``: numbers; ``composed``: method to number;
        ``refused``: reason to names.
    """
    blocks = {method: resolve_method(method) for method in methods}
    names, loaded = all_configs(), 0
    composed, refused = Counter[str](), dict[str, list[str]]()
    for name in names:
        try:
            plain = read_config(ROOT / f"{name}.py")[0]
        except ValueError as error:
            refused.setdefault(_reason(error, name), []).append(name)
            continue
        loaded += 1
        for method, block in blocks.items():
            try:
                compose(plain, method=block, unlabeled=["photos"])
            except ValueError as error:
                found = refused.setdefault(_reason(error, name), [])
                found += [] if name in found else [name]
            else:
                composed[method] += 1
    return {
        "configs": len(names),
        "loaded": loaded,
        "composed": dict(composed),
        "refused": refused,
    }


def _reason(error: Exception, name: str) -> str:
    return str(error).replace(f"config {ROOT}/{name}.py: ", "")


def try_all(again: list[str], only: str, cells: dict[str, Any]) -> None:
    """Try each sampled config with each method; the results go into ``cells``."""
    commit = _commit()
    for name in (*CONFIGS, *MISSING):
        for method in METHODS:
            key = f"{name} {method}"
            known = key in cells and not any(part in key for part in again)
            if only not in key or known:
                continue
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                cells[key] = {
                    "commit": commit,
                    **try_method(name, method, Path(folder)),
                }
            seconds = time.perf_counter() - start
            print(f"{seconds:5.1f} s  {key}: {cells[key]}", flush=True)
            _keep({**_kept(), "cells": cells})


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def environment() -> dict[str, str]:
    """Commit, versions and hardware of a measurement."""
    names = ("torch", *(name for group in DISTRIBUTIONS.values() for name in group))
    found = installed_versions()
    versions = [f"{name} {found[name]}" for name in names if name in found]
    return {
        "commit": _commit(),
        "versions": ", ".join(versions),
        "hardware": f"{os.cpu_count()} cores, {platform.machine()}, one process",
    }


def is_right(cell: dict[str, Any]) -> bool:
    """Whether a training ran and read what mmseg computes."""
    if cell["result"] != RUNS:
        return False
    return max(cell["loss"], cell["read"]) <= TOLERANCE and cell["rates"] == 0


def page(kept: dict[str, Any]) -> str:
    """The text of the page.

    Args:
        kept: Content of tests/golden/mmseg_configs.json.
    """
    cells = {
        (name, method): kept["cells"][f"{name} {method}"]
        for name in CONFIGS
        for method in METHODS
    }
    refused = [key for key, cell in cells.items() if cell["result"] == "refused"]
    right = sum(map(is_right, cells.values()))
    reasons: dict[str, list[str]] = {}
    for name, method in refused:
        text = cells[name, method]["reason"]
        reasons.setdefault(text, []).append(f"{name.rpartition('/')[2]} {method}")
    composed = [f"{n} with {m}" for m, n in kept["all"]["composed"].items()]
    return INTRODUCTION.format(
        command=COMMAND,
        commits=", ".join(sorted({cell["commit"] for cell in cells.values()})),
        **kept["environment"],
        configs=kept["all"]["configs"],
        loaded=kept["all"]["loaded"],
        composed=", ".join(composed),
        refused=_rows(
            (str(len(names)), reason)
            for reason, names in sorted(kept["all"]["refused"].items())
        ),
        count=len(CONFIGS),
        cells=len(cells),
        right=right,
        refused_cells=len(refused),
        failed=len(cells) - right - len(refused),
        methods=" | ".join(METHODS),
        lines="---|" * len(METHODS),
        rows=_rows(
            (name, *(_verdict(cells[name, method]) for method in METHODS), remark)
            for name, remark in CONFIGS.items()
        ),
        reasons="\n".join(
            f"- {reason} ({', '.join(names)})" for reason, names in reasons.items()
        ),
        missing=_rows(
            (name, kept["cells"][f"{name} {METHODS[0]}"]["reason"].split(".py: ")[-1])
            for name in MISSING
        ),
    )


def _verdict(cell: dict[str, Any]) -> str:
    if is_right(cell):
        return "right"
    return "wrong" if cell["result"] == RUNS else str(cell["result"])


def _rows(rows: Any) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _kept() -> dict[str, Any]:
    known = {"all": {}, "environment": {}, "cells": {}}
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else known


def _keep(kept: dict[str, Any]) -> None:
    text = json.dumps(kept, indent=1, sort_keys=True)
    KEPT.write_text(f"{text}\n", encoding="utf-8")


def main() -> None:
    """Read the command line, measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--again",
        nargs="+",
        metavar="PART",
        default=[],
        help="repeat trainings with such a part in the name",
    )
    parser.add_argument("--only", default="", help="trainings with this part, no page")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    MMLogger.get_instance("mmengine", log_level="ERROR")
    try_all(args.again, args.only, _kept()["cells"])
    if not args.only:
        _keep({**_kept(), "all": compose_all(), "environment": environment()})
        PAGE.write_text(page(_kept()), encoding="utf-8")


if __name__ == "__main__":
    main()
