"""A study is read, and mistakes in it are named in one line."""

from __future__ import annotations

import pytest

from mmseg_semisup.core.config import config_folders
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.study.cells import make_cells
from mmseg_semisup.study.plan import read_study


def test_a_study_has_a_cell_for_each_method_list_and_seed(write_study, tmp_path):
    splits = {f"m{n}": str(tmp_path / f"list{n}.txt") for n in (2, 3)}
    study = read_study(write_study(splits=splits, all_masks=True))
    assert study.name == "tiny"
    assert study.baselines == ["supervised"]
    cells = study.cells()
    assert len(cells) == 2 * (2 * 2 + 1)
    assert cells[:5] == [
        ("supervised", "m2", 0),
        ("cutmix", "m2", 0),
        ("supervised", "m3", 0),
        ("cutmix", "m3", 0),
        ("supervised", "all", 0),
    ]


def test_methods_are_blocks_changed_blocks_files_and_configs(write_study, tmp_path):
    (tmp_path / "own.py").write_text("method = dict(teacher=dict(momentum=0.5))")
    methods = [
        "supervised",
        dict(base="cutmix", name="cutmix_0.8", teacher=dict(momentum=0.8)),
        dict(base=["cutmix", "adv_semi_seg"]),
        "own.py",
        "demo/self_training",
        dict(name="longer", base="supervised", length=3),
    ]
    found = read_study(write_study(methods=methods)).methods
    assert list(found) == [
        "supervised",
        "cutmix_0.8",
        "cutmix+adv_semi_seg",
        "own",
        "self_training",
        "longer",
    ]
    assert found["supervised"].block == "supervised"
    assert found["cutmix_0.8"].block == dict(base="cutmix", teacher=dict(momentum=0.8))
    assert found["own"].block == str(tmp_path / "own.py")
    assert found["self_training"].config.endswith("demo/self_training.py")
    assert found["longer"].length == 3


MISTAKES = {
    "methods: there is no method 'fixmach'; did you mean 'fixmatch'?": dict(
        methods=["supervised", "fixmach"]
    ),
    "methods: two are called 'cutmix'": dict(
        methods=["supervised", "cutmix", dict(base="cutmix", weight=2)]
    ),
    r"two cells are called a_b_c_seed0: .*a_b.*'c'.* and .*'a'.*'b_c'": dict(
        methods=[dict(name="a_b", base="cutmix"), dict(name="a", base="cutmix")],
        splits=dict(c="x", b_c="y"),
        baseline="a",
    ),
    r"seeds=\[0, 1, 0\]: 0 stands there twice": dict(seeds=[0, 1, 0]),
    "seeds='0'; allowed: whole numbers": dict(seeds="0"),
    "baseline 'supervise' is not among the methods; did you mean 'supervised'": dict(
        baseline="supervise"
    ),
    "baseline 'supervised' is not among the methods; there are cutmix": dict(
        methods=["cutmix"]
    ),
    "key 'seed'; did you mean 'seeds'": dict(seed=1),
    "config is missing": dict(config=None),
    "config 'nowhere.py' is neither": dict(config="nowhere.py"),
    "methods='cutmix'; allowed: a list": dict(methods="cutmix"),
    "has no name; add name=": dict(methods=[dict(teacher=None)]),
    "the name 'a b'; allowed: letters": dict(methods=[dict(name="a b", base="cutmix")]),
    "length=0; allowed: above 0": dict(methods=[dict(base="cutmix", length=0)]),
    r"splits=\['a'\]; allowed: dict": dict(splits=["a"]),
    "splits: the name 'all'; allowed": dict(splits=dict(all="x")),
    "iterations=0; allowed": dict(iterations=0),
    "iterations=True; allowed": dict(iterations=True),
    "jobs=2.5; allowed": dict(jobs=2.5),
    "all_masks='no'; allowed: True or False": dict(all_masks="no"),
    r"seeds=\[True\]; allowed: whole numbers": dict(seeds=[True]),
    "seeds=4294967296; allowed: whole numbers from 0 to": dict(seeds=2**32),
    "methods: 5; allowed: the name of a method": dict(methods=[5]),
    r"methods: \[\]; allowed: the name of a method": dict(methods=[[]]),
    "length=True; allowed": dict(methods=[dict(base="cutmix", length=True)]),
    "config=5; allowed": dict(config=5),
    "config '' is no file": dict(config=""),
    "tiny.py: config=5; allowed": dict(methods=[dict(config=5)]),
    "baseline=5; allowed": dict(baseline=5),
    r"baseline=\[\['a'\]\]; allowed": dict(baseline=[["a"]]),
    r"baseline=.*'cutmix' stands there twice": dict(baseline=["cutmix", "cutmix"]),
    "splits.a=None; allowed": dict(splits=dict(a=None)),
    r"the name x\S*... has 255 characters; a folder may have 240": dict(
        methods=["supervised", dict(base="cutmix", name="x" * 246)]
    ),
    "is a whole config, which only a block can change": dict(
        methods=["supervised", dict(base="plain.py", teacher=None)]
    ),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_named(write_study, message):
    path = write_study(**MISTAKES[message])
    with pytest.raises(ConfigError, match=message) as caught:
        read_study(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["config = (", "1 / 0", "_base_ = 5", "config = open('none').read()", "\0"]
)
def test_a_file_that_is_no_study(tmp_path, text):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(ConfigError, match="broken.py"):
        read_study(path)


SHIPPED = sorted((config_folders()[0] / "studies").glob("*.py"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_studies_are_composed(path, monkeypatch):
    """Their images are not here."""
    monkeypatch.setattr("mmseg_semisup.study.cells.build_source", lambda *_: [0] * 5)
    cells = make_cells(read_study(path))
    assert len({cell.name for cell in cells}) == len(cells) > 3
    assert {cell.masks for cell in cells} == {5}
