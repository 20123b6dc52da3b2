"""A part of a block that has another form is named, with what is allowed."""

from __future__ import annotations

import pytest

from mmseg_semisup.composition.block_form import FORMS, SOURCES, check_form
from mmseg_semisup.composition.blocks import PARTS, method_names, resolve_method
from mmseg_semisup.core.errors import ConfigError

MISTAKES = {
    "objectives=5; allowed: a dict of dicts, by name": dict(objectives=5),
    "objectives=.*; allowed": dict(objectives=[dict(type="EntropyObjective")]),
    "networks=.*'peer': 'Peer'": dict(networks=dict(peer="Peer")),
    "teacher=True; allowed: a dict": dict(teacher=True),
    "labeled_weight=True; allowed: a number": dict(labeled_weight=True),
    "labeled_weight=nan": dict(labeled_weight=float("nan")),
    "views=.*'strong'": dict(views=dict(unlabeled="strong")),
    "views=.*'Cutout'": dict(views=dict(unlabeled=["Cutout"])),
    "views=5; allowed: a dict of 'weak' or lists of transforms": dict(views=5),
    r"views=\{5: 'weak'\}": dict(views={5: "weak"}),
    "crop='DrawTwoCrops'; allowed: a dict with a type": dict(crop="DrawTwoCrops"),
    "ratio='1:1'; allowed: a dict of whole numbers": dict(ratio="1:1"),
    "sources=": dict(sources=dict(partner="unlabeled")),
    "sources.partner.views=": dict(sources=dict(partner=dict(views="weak"))),
    "labeled has no 'loads'; allowed: load, views": dict(labeled=dict(loads=[])),
    "unlabeled=5; allowed: a dict with load, views": dict(unlabeled=5),
    "weak.load=": dict(weak=dict(load=dict(type="LoadImageLabels"))),
    "tested.pack=": dict(tested=dict(pack="PackImageLabels")),
    "optim_wrapper=": dict(optim_wrapper=dict(peer="AdamW")),
    "param_scheduler=": dict(param_scheduler=dict(peer=dict(type="PolyLR"))),
    "custom_hooks=": dict(custom_hooks=["TeacherUpdateHook"]),
    "stages=": dict(stages=["supervised", "fixmatch"]),
    r"stages=\['cutmix'\]": dict(base="st", stages=["cutmix"]),
    "stages=.*'stage1': 'cutmix'": dict(base="st", stages=dict(stage1="cutmix")),
    "iterations='half'; allowed: a number": dict(base="cutmix", iterations="half"),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_another_form_is_named(message):
    with pytest.raises(ConfigError, match=f"^method.{message}") as caught:
        resolve_method(MISTAKES[message])
    assert "\n" not in str(caught.value)


def has_form(part: str, value: object) -> bool:
    try:
        check_form({part: value})
    except ConfigError as error:
        return not str(error).startswith(f"method.{part}")
    return True


@pytest.mark.parametrize("part", PARTS)
def test_every_part_has_a_form(part):
    """Of these, each part may be two at most."""
    values = (5, "x", [5], {"x": 5}, {5: "x"}, [{}], True)
    right = [value for value in values if has_form(part, value)]
    assert len(right) <= 2


def test_all_parts_are_checked():
    assert {*FORMS, *SOURCES} == set(PARTS)


@pytest.mark.parametrize("name", method_names())
def test_shipped_blocks_have_the_form(name):
    block = resolve_method(name)
    assert all(has_form(*part) for part in block.items())
    assert all(has_form(part, None) for part in block)


def test_a_file_that_is_its_own_base(tmp_path):
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text(f"method = dict(base={str(two)!r})")
    two.write_text(f"method = dict(base=['cutmix', {str(one)!r}])")
    with pytest.raises(ConfigError, match="own base: .*one.py -> .*two.py -> .*one.py"):
        resolve_method(str(one))
    # Twice beside each other is no circle.
    one.write_text("method = dict(base='cutmix')")
    assert resolve_method([str(one), str(two)]) == resolve_method("cutmix")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method = 1 / 0", "own.py, line 1: ZeroDivisionError: division by zero"),
        ("method = dict(", "own.py: .*was never closed"),
        ("_base_ = 'none.py'", "own.py: .*No such file"),
        ("method = 'cutmix'", "own.py has no dict `method`"),
        ("x = 1", "own.py has no dict `method`"),
    ],
)
def test_a_broken_file_is_named(tmp_path, text, message):
    (tmp_path / "own.py").write_text(text)
    with pytest.raises(ConfigError, match=message):
        resolve_method(str(tmp_path / "own.py"))
