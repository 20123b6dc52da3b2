"""Shipped configs are written in one way: short, in two levels, each name once."""

from __future__ import annotations

import ast
from collections import Counter

import pytest
from tiny_configs import LEAVES, ROOT

from mmseg_semisup.composition.encoders import FILES as ENCODER_FILES

LEVELS = 2
"""Leaves one on the other, above the files of ``_base_``."""
CHANGES = ("pop", "update", "append", "insert", "setdefault")
LINES = 70
"""Without comments: a model, data, a schedule, a method and a few changes."""
EXPLICIT = ("demo/s4gan_mlmt.py", "context_aware/cam-classifier_")
"""Trainings of classifiers, which no method composes."""
FILES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


def tree_of(name):
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def assigned(tree):
    """Names that a config assigns, as often as it does."""
    targets = [
        t for node in tree.body if isinstance(node, ast.Assign) for t in node.targets
    ]
    return [n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)]


def bases(name):
    """The bases of a config, relative to the configs."""
    for node in tree_of(name).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "_base_":
            folder = (ROOT / name).parent
            paths = [(folder / base).resolve() for base in ast.literal_eval(node.value)]
            return [path.relative_to(ROOT.resolve()).as_posix() for path in paths]
    return []


def levels(name):
    """How many leaves stand on each other, this one included."""
    if name.startswith("_base_"):
        return 0
    return 1 + max(map(levels, bases(name)), default=0)


@pytest.mark.parametrize("name", FILES)
def test_a_config_assigns_each_name_once_and_removes_none(name):
    tree = tree_of(name)
    repeated = [n for n, count in Counter(assigned(tree)).items() if count > 1]
    assert repeated == []
    for node in ast.walk(tree):
        assert not isinstance(node, (ast.Delete, ast.For, ast.AugAssign))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in (
                "pop",
                "update",
                "append",
                "insert",
                "setdefault",
            )


@pytest.mark.parametrize("name", LEAVES)
def test_a_leaf_is_short_and_stands_on_at_most_one_other(name):
    assert levels(name) <= LEVELS
    if not name.startswith(EXPLICIT):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        assert sum(not line.lstrip().startswith("#") for line in lines) <= LINES


def test_every_base_is_used():
    used = {base for name in FILES for base in bases(name)}
    found = {name for name in FILES if name.startswith("_base_/")}
    by_name = {name for name in found if name.startswith("_base_/methods/")}
    own_data = {"_base_/datasets/folder.py"}
    encoders = {f"_base_/models/{file}" for file in ENCODER_FILES.values()}
    rest = found - by_name - own_data - encoders
    assert rest == used & rest
    assert encoders <= found


def test_repeated_names_removals_and_levels_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "_base_").mkdir()
    (tmp_path / "_base_/a.py").write_text("x = 1\n")
    (tmp_path / "b.py").write_text('_base_ = ["_base_/a.py"]\nx = dict()\nx = dict()\n')
    (tmp_path / "c.py").write_text('_base_ = ["b.py"]\ndel x\n')
    (tmp_path / "d.py").write_text('_base_ = ["c.py"]\ny = _base_.x.pop("z")\n')
    for name in "bcd":
        with pytest.raises(AssertionError):
            test_a_config_assigns_each_name_once_and_removes_none(f"{name}.py")
    assert [levels(f"{name}.py") for name in ("_base_/a", *"bcd")] == [0, 1, 2, 3]
