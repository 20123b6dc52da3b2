import subprocess
import sys
from pathlib import Path

import pytest
from composed_configs import images_of
from mmengine.config import Config
from mmseg.registry import MODELS
from plain_configs import PIPELINE, draw_images, plain_config

from mmseg_semisup.composition import compose, compose_recorded, method_names
from mmseg_semisup.composition.assemble import compose_block
from mmseg_semisup.composition.record import Record
from mmseg_semisup.composition.stages import difference
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.stages import split_stages

TOOLS = Path(__file__).parents[2] / "tools"
OTHER_MODELS = (
    "three_stage",
    "s4gan_mlmt",
    "mlmt",
    "context_aware_weak",
    "cam_classifier",
)
OF_ONE_SEGMENTOR = [n for n in method_names() if n not in OTHER_MODELS]


def composed(method, **changes):
    return compose(plain_config(**changes), method, **images_of(method))


@pytest.mark.parametrize("method", method_names())
def test_composition_is_idempotent_and_pure(method):
    plain = plain_config()
    before = plain._cfg_dict.to_dict()
    images = images_of(method)
    first = compose(plain, method, **images)
    assert plain._cfg_dict.to_dict() == before
    assert compose(plain, method, **images)._cfg_dict == first._cfg_dict
    assert compose(first, method, **images)._cfg_dict == first._cfg_dict
    assert compose(first)._cfg_dict == first._cfg_dict


@pytest.mark.parametrize("method", method_names())
def test_a_composed_config_is_read_back_as_it_was_written(method, tmp_path):
    cfg = composed(method)
    cfg.dump(tmp_path / "full.py")
    read = Config.fromfile(tmp_path / "full.py")
    assert read._cfg_dict.to_dict() == cfg._cfg_dict.to_dict()


@pytest.mark.slow
@pytest.mark.usefixtures("formatted_configs")
def test_formatted_texts_are_read_back_as_well(tmp_path):
    for method in method_names():
        test_a_composed_config_is_read_back_as_it_was_written(method, tmp_path)
    assert "dict(\n" in (tmp_path / "full.py").read_text()


@pytest.mark.parametrize("method", OF_ONE_SEGMENTOR)
def test_the_model_can_be_built(method):
    cfg = composed(method)
    model = MODELS.build(cfg.model)
    sources = cfg.train_dataloader.dataset.sources.values()
    views = [source["pipeline"][-1].get("views", {}) for source in sources]
    made = {"labeled"}.union(*views)
    assert set(model.required_views) <= made
    assert cfg.model.segmentor == plain_config().model


ENCODERS = ["dinov3-vits16", ["dinov2-small", "w.pth"], {"name": "resnet50"}]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_an_encoder_is_idempotent_and_pure(encoder):
    plain = plain_config()
    before = plain._cfg_dict.to_dict()
    first = compose(plain, "cutmix", "photos", encoder=encoder)
    assert plain._cfg_dict.to_dict() == before
    alone = compose(plain, encoder=encoder)
    stated = plain_config(encoder=encoder, method="cutmix", unlabeled="photos")
    for again in (
        compose(plain, "cutmix", "photos", encoder=encoder),
        compose(first, "cutmix", "photos", encoder=encoder),
        compose(first, encoder=encoder),
        compose(first),
        compose(alone, "cutmix", "photos"),
        compose(alone, "cutmix", "photos", encoder=encoder),
        compose(stated),
    ):
        assert again._cfg_dict == first._cfg_dict
    assert compose(alone)._cfg_dict == alone._cfg_dict
    assert "encoder" not in first


def test_another_encoder_on_a_composed_config_is_refused():
    for cfg in (composed("cutmix"), compose(plain_config(), encoder="resnet50")):
        with pytest.raises(ConfigError, match="composed already, of .* another enc"):
            compose(cfg, encoder="resnet101")


def test_a_config_states_its_method():
    cfg = plain_config(method="cutmix", unlabeled=["photos"])
    expected = compose(plain_config(), "cutmix", ["photos"])
    assert compose(cfg)._cfg_dict == expected._cfg_dict
    assert not {"method", "unlabeled"} & set(compose(cfg))


def test_a_plain_config_stays():
    cfg = plain_config()
    assert compose(cfg)._cfg_dict == cfg._cfg_dict


def test_images_without_a_method_are_refused():
    with pytest.raises(ConfigError, match="unlabeled='photos' needs a method"):
        compose(plain_config(), unlabeled="photos")


def test_a_method_that_reads_no_images_is_refused():
    with pytest.raises(ConfigError, match="'supervised' reads no unlabelled"):
        compose(plain_config(), "supervised", "photos")
    assert compose(plain_config(unlabeled="photos"), "supervised")


def test_another_method_on_a_composed_config_is_refused():
    with pytest.raises(ConfigError, match="composed already"):
        compose(composed("cutmix"), "s4gan", "photos")


def test_a_semi_supervised_model_is_refused():
    cfg = plain_config(model=dict(type="SemiSegmentor"))
    with pytest.raises(ConfigError, match="SemiSegmentor already"):
        compose(cfg, "supervised")


def test_a_config_that_only_tests_is_refused():
    cfg = plain_config()
    cfg.pop("optim_wrapper")
    with pytest.raises(ConfigError, match="no optim_wrapper"):
        compose_block(cfg._cfg_dict.to_dict(), {}, None, None, Record())


def test_the_top_level_preprocessor_goes_into_a_model_without_one():
    cfg = plain_config()
    top = cfg.model.pop("data_preprocessor")
    cfg.data_preprocessor = top
    found = compose(cfg, "supervised")
    assert found.model.segmentor.data_preprocessor == top
    assert "data_preprocessor" not in found


@pytest.mark.parametrize(
    ("stated", "size"),
    [({}, (32, 40)), ({"size": (64, 64)}, (64, 64)), ({"size_divisor": 32}, None)],
)
def test_a_preprocessor_without_a_size_pads_to_the_crops(stated, size):
    cfg = plain_config()
    del cfg.model.data_preprocessor["size"]
    cfg.model.data_preprocessor.update(stated)
    found = compose(cfg, "supervised").model.segmentor.data_preprocessor
    assert found.get("size") == size
    assert "size" not in cfg.model.data_preprocessor or stated


def test_the_scale_of_the_learning_rate_counts_all_images():
    cfg = composed("cutmix", auto_scale_lr=dict(base_batch_size=16))
    assert cfg.auto_scale_lr.base_batch_size == 32


def test_the_package_is_imported():
    stated = dict(imports=["mine"], allow_failed_imports=False)
    cfg = composed("supervised", custom_imports=stated)
    assert cfg.custom_imports.imports == ["mine", "mmseg_semisup"]


def test_decisions_are_recorded():
    _, record = compose_recorded(plain_config(), "cutmix", "photos")
    assert record.notes == ["a step of one process: 2 labeled, 2 unlabeled images"]


def test_differences_merge_back():
    base = {"a": 1, "b": {"c": {"d": 1, "e": 2}, "f": 3}, "g": [1]}
    wanted = {"a": 1, "b": {"c": {"e": 2}, "f": 4}, "g": [2], "h": {"i": 5}}
    cfg = Config(base)
    cfg.merge_from_dict(difference(base, wanted))
    assert cfg._cfg_dict.to_dict() == wanted


def test_a_dict_takes_the_place_of_a_list():
    base, wanted = {"a": [1], "b": None}, {"a": {"c": 1}, "b": {"d": 2}}
    cfg = Config(base)
    cfg.merge_from_dict(difference(base, wanted))
    assert cfg._cfg_dict.to_dict() == wanted


IMAGES = {"type": "FolderDataset", "classes": ["a"], "pipeline": PIPELINE}


def stages_of(stages):
    cfg = compose(plain_config(), {"stages": stages}, "photos")
    return {stage.name: stage.cfg for stage in split_stages(cfg)}


def test_a_stage_has_changes_and_images_of_its_own():
    changes = {"train_dataloader": {"batch_size": 3}, "train_cfg": {"max_iters": 9}}
    second = {"method": "cutmix", "changes": changes, "unlabeled": ["others"]}
    third = {"method": "cutmix", "labeled": IMAGES}
    cfgs = stages_of({"a": {}, "b": second, "c": third, "d": None})
    assert list(cfgs) == ["a", "b", "c"]
    assert [c.train_cfg.max_iters for c in cfgs.values()] == [4, 9, 4]
    assert [c.train_dataloader.batch_size for c in cfgs.values()] == [2, 3, 4]
    sources = {k: c.train_dataloader.dataset.sources for k, c in cfgs.items()}
    assert list(sources["a"]) == ["labeled"]
    assert sources["b"].unlabeled.paths == ["others"]
    assert sources["c"].labeled == IMAGES
    assert sources["c"].unlabeled.paths == ["photos"]


def test_a_stage_begins_as_another():
    first = {"method": {"base": "cutmix"}, "changes": {"train_cfg": {"max_iters": 9}}}
    weight = {"objectives": {"consistency": {"weight": 2.0}}}
    cfgs = stages_of({"a": first, "b": {"base": "a", "method": weight}})
    one, two = cfgs.values()
    assert one.model.objectives.consistency.weight == 1.0
    assert two.model.objectives.consistency.weight == 2.0
    assert two.model.objectives.consistency.mix == "cutmix"
    assert two.train_cfg.max_iters == 9
    with pytest.raises(ConfigError, match=r"stages\.a\.base='b'; allowed: .*\[\]"):
        stages_of({"a": {"base": "b"}, "b": first})


@pytest.mark.slow
def test_one_command_trains_a_plain_config(tmp_path):
    draw_images(tmp_path / "data")
    plain_config().dump(tmp_path / "plain.py")
    command = [sys.executable, TOOLS / "train.py", "plain.py", "--method", "cutmix"]
    command += ["--unlabeled", "data/train/images", "--work-dir", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out" / "iter_4.pth").is_file()
    written = Config.fromfile(tmp_path / "out" / "plain.py")
    assert written.model.type == "SemiSegmentor"
    again = [sys.executable, TOOLS / "train.py", "out/plain.py", "--work-dir", "again"]
    done = subprocess.run(again, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("stated", "kind", "rest"),
    [
        ({"by_epoch": True, "max_epochs": 2}, "EpochBasedTrainLoop", "max_epochs"),
        ({"by_epoch": False, "max_iters": 2}, "IterBasedTrainLoop", "max_iters"),
        ({"max_iters": 2}, "IterBasedTrainLoop", "max_iters"),
    ],
)
def test_a_loop_without_a_type_is_that_of_mmengine(stated, kind, rest):
    cfg = plain_config(train_cfg=dict(_delete_=True, **stated))
    composed = compose(cfg, "supervised")
    assert composed.train_cfg == {"type": kind, rest: 2}
    counts_epochs = kind == "EpochBasedTrainLoop"
    assert ("epoch" in composed.train_dataloader.sampler) == counts_epochs
