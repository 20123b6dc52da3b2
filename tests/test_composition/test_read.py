from pathlib import Path

import pytest
from mmengine.config import config as config_module
from plain_configs import plain_config

from mmseg_semisup.composition import with_encoder
from mmseg_semisup.composition.origins import file_of, leaves, origin_of
from mmseg_semisup.composition.read import read_config
from mmseg_semisup.core.config_types import with_named_types
from mmseg_semisup.core.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def plain(tmp_path):
    plain_config().dump(tmp_path / "base.py")
    path = tmp_path / "plain.py"
    path.write_text(
        "_base_ = ['base.py']\n"
        "optim_wrapper = dict(optimizer=dict(lr=0.5))\n"
        "unlabeled = 'photos'\n"
    )
    return path


def test_options_reach_the_plain_and_the_composed_config(plain):
    options = {
        "train_cfg.max_iters": 9,
        "train_dataloader.batch_size": 4,
        "model.objectives.consistency.threshold": 0.7,
        "train_dataloader.sampler.ratio.unlabeled": 2,
        "load_from": "x.pth",
    }
    cfg, _ = read_config(plain, options, "cutmix")
    assert cfg.train_cfg.max_iters == 9
    assert cfg.train_dataloader.batch_size == 8
    assert cfg.model.objectives.consistency.threshold == 0.7
    assert cfg.train_dataloader.sampler.ratio.unlabeled == 2
    assert cfg.load_from == "x.pth"


def test_options_change_the_block(plain):
    options = {"method.objectives.consistency.threshold": 0.7}
    cfg, _ = read_config(plain, options, "cutmix")
    assert cfg.model.objectives.consistency.threshold == 0.7
    assert cfg.model.objectives.consistency.mix == "cutmix"


def test_options_reach_the_encoder_in_its_new_place(plain):
    options = {
        "model.backbone.frozen": True,
        "model.backbone.weights": None,
        "model.segmentor.backbone.with_cp": False,
        "model.decode_head.num_classes": 7,
        "optim_wrapper.optimizer.lr": 0.125,
    }
    cfg, record = read_config(plain, options, "cutmix", encoder="dinov2-small")
    assert cfg.model.segmentor.backbone == {
        **{"type": "TransformersBackbone", "arch": "dinov2-small"},
        **{"weights": None, "frozen": True, "with_cp": False},
    }
    assert cfg.model.segmentor.decode_head.num_classes == 7
    assert cfg.optim_wrapper.segmentor.optimizer.lr == 0.125
    assert cfg.composed.source.encoder == "dinov2-small"
    assert record.notes == cfg.composed.notes


def test_an_encoder_needs_no_method(plain):
    cfg, record = read_config(plain, encoder="efficientnet-lite0")
    assert cfg.model.backbone.type == "EfficientNetLite"
    assert cfg.optim_wrapper.optimizer.lr == 0.5
    assert record.notes == cfg.composed.notes != []
    again, _ = read_config(plain, encoder="efficientnet-lite0")
    assert again._cfg_dict == cfg._cfg_dict


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method.objectivs.consistency.threshold": 1}, "did you mean 'objectives'"),
        ({"model.objectives.consistncy.threshold": 1}, "did you mean 'consistency'"),
        ({"train_cfg.max_iter": 1}, "did you mean 'max_iters'"),
        ({"model.backbon.frozen": True}, "model has no key 'backbon'"),
    ],
)
def test_misspelt_options_are_named(plain, options, message):
    with pytest.raises(ConfigError, match=message):
        read_config(plain, options, "cutmix")


def test_origins(plain, monkeypatch):
    monkeypatch.chdir(plain.parent)
    read = with_named_types(read_config("base.py")[0])
    plain_cfg = with_named_types(type(read).fromfile("plain.py"))
    cfg, _ = read_config("plain.py", None, ["cutmix", "adv_semi_seg"])
    values = dict(leaves(cfg._cfg_dict.to_dict()))
    expected = {
        "optim_wrapper.segmentor.optimizer.lr": "plain.py",
        "optim_wrapper.segmentor.optimizer.momentum": "base.py",
        "optim_wrapper.discriminator.optimizer.lr": "method adv_semi_seg",
        "model.segmentor.backbone.depth": "base.py",
        "model.objectives.consistency.mix": "method cutmix",
        "model.teacher.momentum": "method cutmix",
        "train_dataloader.batch_size": "composition",
        "train_dataloader.dataset.sources.labeled.data_root": "base.py",
        "train_dataloader.dataset.sources.unlabeled.paths": "unlabeled",
        "val_evaluator.0.type": "base.py",
        "val_cfg.type": "composition",
    }
    found = {p: origin_of(p, values[p], plain_cfg, cfg) for p in expected}
    assert found == expected
    assert file_of("optim_wrapper.optimizer.lr", 0.25, "plain.py") == "command line"


def test_options_are_an_origin(plain, monkeypatch):
    monkeypatch.chdir(plain.parent)
    plain_cfg = with_named_types(read_config("base.py")[0])
    options = {"optim_wrapper.optimizer.lr": 0.25, "model.teacher": {"momentum": 0.5}}
    cfg, _ = read_config("plain.py", options, "cutmix")
    expected = {
        "optim_wrapper.segmentor.optimizer.lr": "command line",
        "optim_wrapper.segmentor.optimizer.type": "base.py",
        "model.teacher.momentum": "command line",
    }
    values = dict(leaves(cfg._cfg_dict.to_dict()))
    found = {
        p: origin_of(p, values[p], plain_cfg, cfg, None, options) for p in expected
    }
    assert found == expected


def test_origins_of_an_encoder(plain, monkeypatch):
    monkeypatch.chdir(plain.parent)
    plain_cfg = with_named_types(read_config("base.py")[0])
    for stated in ("dinov2-small", ["dinov2-small", "w"], {"name": "dinov2-small"}):
        encoded = with_encoder(plain_cfg, stated)
        cfg, _ = read_config("base.py", None, "cutmix", "photos", encoder=stated)
        values = dict(leaves(cfg._cfg_dict.to_dict()))
        expected = {
            "model.segmentor.type": "base.py",
            "model.segmentor.backbone.arch": "encoder dinov2-small",
            "model.segmentor.decode_head.num_classes": "base.py",
            "model.segmentor.data_preprocessor.size": "encoder dinov2-small",
            "optim_wrapper.segmentor.optimizer.lr": "encoder dinov2-small",
            "param_scheduler.0.eta_min": "encoder dinov2-small",
            "param_scheduler.0.power": "base.py",
            "model.teacher.momentum": "method cutmix",
        }
        found = {p: origin_of(p, values[p], plain_cfg, cfg, encoded) for p in expected}
        assert found == expected


def test_a_package_that_a_config_imports_is_named(tmp_path):
    path = tmp_path / "plain.py"
    path.write_text("custom_imports = dict(imports=['mmabsent.models'])\n")
    with pytest.raises(ConfigError) as error:
        read_config(path)
    assert str(error.value) == (
        f"config {path}: it imports the package mmabsent, which is not installed"
    )


def test_an_import_that_fails_within_a_module_is_explained(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_of_this_test.py").write_text("from math import no_such_name\n")
    path = tmp_path / "plain.py"
    path.write_text("custom_imports = dict(imports=['own_of_this_test'])\n")
    with pytest.raises(ConfigError, match=r"plain\.py: .*'no_such_name'"):
        read_config(path)


def test_configs_are_bases_by_name(tmp_path, monkeypatch):
    folder = tmp_path / "installed"
    (folder / ".mim").mkdir(parents=True)
    for name in ("configs", "model-index.yml"):
        (folder / ".mim" / name).symlink_to(ROOT / name)
    installed = config_module.get_installed_path

    def path_of(package):
        return str(folder) if package == "mmseg_semisup" else installed(package)

    monkeypatch.setattr(config_module, "get_installed_path", path_of)
    path = tmp_path / "mine.py"
    path.write_text(
        "_base_ = ['mmseg::segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py',"
        " 'mmseg_semisup::_base_/methods/cutmix.py']\n"
        "unlabeled = 'photos'\n"
    )
    cfg, _ = read_config(path)
    assert cfg.model.segmentor.backbone.type == "MixVisionTransformer"
    assert cfg.model.objectives.consistency.mix == "cutmix"


def test_files_of_packages_are_shown_by_their_name(tmp_path):
    cfg = read_config("mmseg::fastscnn/fast_scnn_8xb4-160k_cityscapes-512x1024")[0]
    kind = cfg.model.backbone.type
    origin = file_of("model.backbone.type", kind, cfg.filename)
    assert origin == "mmseg::_base_/models/fast_scnn.py"
