"""What messages and help texts advise exists: options, tools and modules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = [*(ROOT / "mmseg_semisup").rglob("*.py"), *(ROOT / "tools").glob("*.py")]
OF_OTHERS = {"--no-deps", "--requeue", "--signal"}
"""Options of pip and slurm."""
RUNS_OTHERS = (
    "tools/dev.py",
    "tools/dev_environment.py",
    "mmseg_semisup/benchmark/against.py",
    "mmseg_semisup/core/machine.py",
    "mmseg_semisup/report/pictures.py",
    "mmseg_semisup/report/style.py",
    "mmseg_semisup/study/slurm.py",
)
"""Files with command lines of pip, pytest, git and slurm, and with style sheets."""
SOURCES = [
    path
    for path in FILES
    if ".mim" not in path.parts and path.relative_to(ROOT).as_posix() not in RUNS_OTHERS
]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]\b")
TOOL = re.compile(r"\btools/(\w+\.(?:py|sh))((?: (?:--?)?[\w=./{}-]+)*)")
MODULE = re.compile(r"\bmmseg_semisup(?:\.[a-z_]+)+")


@lru_cache
def texts(path: Path) -> list[str]:
    """All texts of a file, docstrings included; values of f-strings are '{}'."""
    return list(_texts(path))


def _texts(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inner.update(map(id, ast.walk(node)))
            parts = (getattr(part, "value", "{}") for part in node.values)
            yield "".join(p if isinstance(p, str) else "{}" for p in parts)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inner
        ):
            yield node.value


@lru_cache
def options(path: Path) -> set[str]:
    """Options that the parsers in a file have."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (
            isinstance(node, ast.Call) and "add_argument" in ast.unparse(node.func)
        ):
            continue
        names = [a.value for a in node.args if isinstance(a, ast.Constant)]
        found.update(names)
        if "BooleanOptionalAction" in ast.unparse(node):
            found.update(f"--no-{name[2:]}" for name in names)
    return found


@lru_cache
def shared_options() -> set[str]:
    return {"--help"}.union(*map(options, (ROOT / "mmseg_semisup").rglob("*.py")))


def test_options():
    known = OF_OTHERS | shared_options()
    known |= set().union(*map(options, (ROOT / "tools").glob("*.py")))
    lost = {
        f"{path.relative_to(ROOT)}: {option}"
        for path in SOURCES
        for text in texts(path)
        for option in OPTION.findall(text)
        if option not in known
    }
    assert lost == set()


def test_tools_and_their_options():
    lost = set()
    for path in SOURCES:
        for name, arguments in (m for t in texts(path) for m in TOOL.findall(t)):
            tool = ROOT / "tools" / name
            if not tool.is_file():
                lost.add(f"{path.relative_to(ROOT)}: tools/{name}")
            elif tool.suffix == ".py":
                known = options(tool) | shared_options()
                wrong = set(OPTION.findall(arguments)) - known
                lost |= {f"{path.relative_to(ROOT)}: tools/{name} {o}" for o in wrong}
    assert lost == set()


def test_modules():
    lost = set()
    for path in SOURCES:
        for name in (m for text in texts(path) for m in MODULE.findall(text)):
            place = ROOT.joinpath(*name.split("."))
            here = place.is_dir() or place.with_suffix(".py").is_file()
            attribute = re.compile(rf"\b{name.rpartition('.')[2]}\b")
            owners = (place.parent.with_suffix(".py"), place.parent / "__init__.py")
            if not here and not any(
                o.is_file() and attribute.search(o.read_text(encoding="utf-8"))
                for o in owners
            ):
                lost.add(f"{path.relative_to(ROOT)}: {name}")
    assert lost == set()
