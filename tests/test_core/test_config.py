from __future__ import annotations

import pytest
from mmengine.config import Config

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.core import config
from mmseg_semisup.core.config import check_keys, check_options, find_config
from mmseg_semisup.core.errors import ConfigError


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    folder = tmp_path / ".mim" / "configs"
    for name in ("_base_/default_runtime.py", "adv/adv_voc.py", "adv/x.py", "sup/x.py"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("work_dir = None\n")
    monkeypatch.setattr(config, "PACKAGE_FOLDER", tmp_path)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "adv_voc",
        "adv_voc.py",
        "adv/adv_voc.py",
        "configs/adv/adv_voc.py",
        "adv/adv_voc",
        "mmseg_semisup::adv_voc",
        "mmseg_semisup::adv/adv_voc.py",
    ],
)
def test_shipped_config_by_name(shipped, name):
    assert find_config(name) == shipped / "adv" / "adv_voc.py"


def test_a_file_comes_first(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "adv_voc.py").touch()
    assert find_config("adv_voc.py").resolve() == tmp_path / "adv_voc.py"


def test_config_not_found(shipped):
    with pytest.raises(ConfigError, match="'adv_vok'.*similar names: adv_voc"):
        find_config("adv_vok")
    with pytest.raises(ConfigError, match="could be any of: .*adv/x.py, .*sup/x.py"):
        find_config("x")
    with pytest.raises(ConfigError, match="neither a file nor"):
        find_config("default_runtime")


def test_a_config_of_mmseg(tmp_path):
    name = "mmseg::segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py"
    path = find_config(name)
    assert path.name == name.rpartition("/")[2]
    derived = tmp_path / "derived.py"
    derived.write_text(f"_base_ = [{name!r}]\n")
    cfg = load_config(derived)
    assert cfg.model.backbone.type == load_config(name).model.backbone.type


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mmseg::segformer/segfomer.py", r"'mmseg::segformer/segfomer.py': .*segfomer"),
        (
            "mmseg::segformer/segfomer_mit-b0_8xb2-160k_ade20k-512x512",
            "did you mean 'segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py'",
        ),
        ("mmabsent::a/b.py", "mmabsent is not installed"),
    ],
)
def test_a_config_that_a_package_does_not_have(name, message):
    with pytest.raises(ConfigError, match=message):
        find_config(name)


def test_broken_config_is_named(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("model = dict(\n")
    with pytest.raises(ConfigError, match=r"broken\.py"):
        load_config(path)
    path.write_text("_base_ = 'missing.py'\n")
    with pytest.raises(ConfigError, match=r"broken\.py.*missing\.py"):
        load_config(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("first = _base_.model.objectives[0]", "the key 0 .*; objectives have names"),
        ("first = _base_.model['teacher']", "the key 'teacher' of a dict that lacks"),
        ("first = _base_.model.teacher", "has no attribute 'teacher'"),
        ("first = second", "'second' is not defined"),
        ("first = [][1]", "index out of range"),
    ],
)
def test_config_that_reads_what_is_not_there(tmp_path, line, message):
    text = "model = dict(objectives=dict(self_taught=dict(type='A')))\n"
    (tmp_path / "base.py").write_text(text)
    (tmp_path / "leaf.py").write_text(f"_base_ = ['base.py']\n{line}\n")
    with pytest.raises(ConfigError, match=rf"leaf\.py: .*{message}"):
        load_config(tmp_path / "leaf.py")


def test_options_change_the_config(tmp_path):
    path = tmp_path / "config.py"
    path.write_text("model = dict(objectives=[dict(type='A', weight=1)])\n")
    options = {"model.objectives.0.weight": 2, "model.extra": 3, "work_dir": "w"}
    cfg = load_config(path, options)
    assert cfg.model.objectives[0].weight == 2
    assert cfg.model.extra == 3
    assert cfg.work_dir == "w"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("modl.x", "the config has no key 'modl'; did you mean 'model'"),
        ("nonsense", "has no key 'nonsense'"),
        ("model.objectives.1.weight", "model.objectives has no key '1'"),
        ("model.objectives.0.wieght", "did you mean 'weight'"),
        ("model.teacher.momentum", "model has no key 'teacher'"),
    ],
)
def test_misspelt_option(option, message):
    cfg = Config(dict(model=dict(objectives=[dict(type="A", weight=1)])))
    with pytest.raises(ConfigError, match=message):
        check_options(cfg, {option: 1})


def test_a_new_part_is_named_by_its_type():
    cfg = Config(dict(model=dict(objectives=dict(one=dict(weight=1)))))
    path = "model.objectives.one.select"
    check_options(cfg, {f"{path}.type": "B", f"{path}.threshold": 0.9})
    with pytest.raises(ConfigError, match="one has no key 'select'"):
        check_options(cfg, {f"{path}.threshold": 0.9})
    with pytest.raises(ConfigError, match="one has no key 'select'"):
        check_options(cfg, {f"{path}.a.type": "B"})


def test_misspelt_top_level_key():
    with pytest.raises(ConfigError, match="'param_schedulers'.*'param_scheduler'"):
        check_keys(Config(dict(param_schedulers=[])), "c.py")
    free = (
        "crop_size",
        "data_root",
        "test_pipeline",
        "tta_pipeline",
        "labeled_pipeline",
    )
    check_keys(Config(dict.fromkeys((*free, "train_pipeline", "dataset_type"), 0)), "c")


@pytest.mark.parametrize("key", ["it's", "a\nb", "a\\", "\\n", "'", "a\0b"])
def test_a_key_that_a_written_config_would_lose(key):
    content = {"model": [{"sources": ({key: 1},)}]}
    with pytest.raises(ConfigError, match="c.py: the key .* cannot be written") as told:
        check_keys(Config(content), "c.py")
    assert str(told.value).isprintable()


@pytest.mark.parametrize(
    "key", ["a b", '"', "{}", "%s", "é图", "\\d", "", "x" * 300, 3]
)
def test_a_key_that_it_keeps(key):
    cfg = Config({"model": {key: 1}})
    check_keys(cfg, "c.py")
    assert Config.fromstring(cfg.dump(), ".py").model == {key: 1}


def test_a_key_of_an_installed_package_only_gives_a_warning(tmp_path, capsys):
    shipped = tmp_path / ".mim" / "configs" / "theirs.py"
    shipped.parent.mkdir(parents=True)
    shipped.write_text("models = dict()\n")
    path = tmp_path / "mine.py"
    path.write_text("_base_ = ['.mim/configs/theirs.py']\n")
    for file in (shipped, path):
        check_keys(Config.fromfile(file), file)
        assert "'models' has no effect" in capsys.readouterr().err
    path.write_text("_base_ = ['.mim/configs/theirs.py']\nmethods = 1\n")
    with pytest.raises(ConfigError, match="'methods' has no effect"):
        check_keys(Config.fromfile(path), path)
