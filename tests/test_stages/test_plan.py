"""What stages a config has, and what is remembered of them."""

from __future__ import annotations

import json
import shutil

import pytest
from mmengine.config import Config
from tiny_training import write_stages

from mmseg_semisup.cli.config import load_config
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.stages import (
    Record,
    base_config,
    last_stage,
    split_stages,
    train_stages,
)
from mmseg_semisup.stages.record import FILE


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_stages(tmp_path_factory.mktemp("stages"))


@pytest.fixture
def cfg(path) -> Config:
    return load_config(path, stages="keep")


def test_each_stage_has_a_whole_config(cfg, tmp_path):
    first, second, third = split_stages(cfg)
    assert "stages" not in first.cfg
    assert first.cfg.train_dataloader.sampler.ratio == dict(labeled=1)
    assert first.cfg.train_dataloader.dataset.sources.unlabeled is None
    assert first.masks is None
    assert second.masks.network == "student"
    assert third.masks.stride == (12, 12)
    assert third.cfg.randomness.seed == 3
    assert second.cfg.randomness.seed == 0
    assert "unlabeled" in third.data_cfg.train_dataloader.dataset.sources

    own = third.runnable(tmp_path)
    store = str(tmp_path / "third" / "pseudo_masks")
    sources = own.train_dataloader.dataset.sources
    assert sources.pseudo.store == sources.labeled.store == store
    assert own.work_dir == str(tmp_path / "third")
    assert own.experiment_name == "tiny_third"
    assert own.visualizer.name == "visualizer_third"
    assert "{pseudo_masks}" not in own.pretty_text
    assert "_delete_" not in own.pretty_text


def test_tools_take_the_last_stage_or_the_base(path):
    last = load_config(path)
    assert "stages" not in last
    assert last.randomness.seed == 3
    base = load_config(path, stages="base")
    assert set(base.train_dataloader.dataset.sources) == {"labeled", "unlabeled"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stages": []}, "give a list"),
        ({"stages.1.name": "first"}, "two of them are named 'first'"),
        ({"stages.1.name": "First"}, "'first' and 'First' have the same folder"),
        ({"stages.1.name": "../x"}, "letters, digits"),
        ({"stages.1.pseudo_masks.netwrk": 1}, "second: no option 'netwrk'; did you"),
        ({"stages.1.pseudo_masks.sources": ["unlabelled"]}, "no \\['unlabelled'\\]"),
        ({"stages.0.pseudo_masks": {"flip": True}}, "no stage before it"),
        ({"stages.1.pseudo_masks": None}, "is {pseudo_masks}, but the stage has none"),
        ({"stages.1.changes.trian_cfg": {}}, "did you mean 'train_cfg'"),
        ({"stages.1.changes.val_cfg.type": {"x": 1}}, "second: changes: "),
        ({"stages.1.chnges": {}}, "has the keys \\['chnges'\\]"),
        ({"model.teacher": None}, "third: pseudo_masks.network='teacher'"),
        ({"default_hooks.checkpoint.save_best": None}, "second does not save one"),
        (
            {"stages.1.changes.default_hooks": {"checkpoint": {"out_dir": "there"}}},
            r"second: default_hooks\.checkpoint\.out_dir='there': .* say --work-dir",
        ),
        ({"val_cfg": None}, "second does not save one: it never .* has no val_cfg"),
        ({"stages.1.changes.val_dataloader": None}, "second .* no val_dataloader"),
        (
            {"stages.1.changes.train_cfg": {"val_begin": 5}},
            "second does not save one: train_cfg.val_begin=5 is after max_iters=4",
        ),
        ({"stages.1.task": "test"}, "second: task='test'; allowed"),
        ({"stages.1.task": "evaluate"}, "an evaluation learns nothing"),
        ({"stages.0.task": "evaluate"}, "second: .*first before it trains nothing"),
        (
            {"stages.0.task": "evaluate", "test_dataloader": None},
            "first: task='evaluate', but the config has no test_dataloader",
        ),
        (
            {"stages.1.changes.load_from": "{third.last}"},
            r"\{third.last\}: there is no such stage before it; there are \['first'\]",
        ),
        (
            {
                "stages.1.changes.load_from": "{first.best}",
                "stages.0.changes.default_hooks": {"checkpoint": {"save_best": None}},
            },
            r"\{first.best\}, but first does not save one",
        ),
        ({"stages.1.config": "absent.py"}, "second: config 'absent.py' is neither"),
        ({"stages.1.config": "tiny.py"}, "second: config: .*tiny.py has stages itself"),
    ],
)
def test_mistakes_are_found_before_the_first_stage(cfg, change, message):
    cfg.merge_from_dict(change)
    with pytest.raises(ConfigError, match=message):
        split_stages(cfg)


@pytest.fixture
def mixed(path, cfg):
    """Two stages with configs of their own, and an evaluation of both."""
    content = cfg._cfg_dict.to_dict()
    content.pop("stages")
    content["randomness"] = dict(seed=7)
    Config(content).dump(path.with_name("own.py"))
    parts = {"load_from": "{one.last}", "randomness": {"note": "{two.best}"}}
    stages = [
        dict(name="one", config="own.py"),
        dict(name="two", config="own.py", changes=dict(randomness=dict(seed=8))),
        dict(name="both", task="evaluate", config="own.py", changes=parts),
    ]
    return Config(dict(stages=stages, log_level="INFO"), filename=str(path))


def test_stages_may_have_configs_of_their_own(mixed, tmp_path):
    one, two, both = split_stages(mixed)
    assert [s.cfg.randomness.seed for s in (one, two, both)] == [7, 8, 7]
    assert one.cfg.log_level == two.data_cfg.log_level == "INFO"
    assert one.runnable(tmp_path).experiment_name == "own_one"
    assert both.checkpoints == [("one", "last"), ("two", "best")]
    known = {("one", "last"): tmp_path / "a.pth", ("two", "best"): "b.pth"}
    cfg = both.runnable(tmp_path, known)
    assert cfg.load_from == str(tmp_path / "a.pth")
    assert cfg.randomness.note == "b.pth"
    assert last_stage(mixed).load_from is None
    assert base_config(mixed).randomness.seed == 7


def test_an_evaluation_is_repeated_if_what_it_used_has_changed(mixed, tmp_path):
    stages = split_stages(mixed)
    record = Record(tmp_path)
    for stage in stages:
        (tmp_path / stage.name).mkdir()
        uses = [(name, which, f"hash {name}") for name, which in stage.checkpoints]
        record.begin(stage, None, uses)
        record.finish(stage.name, {"last": "a.pth"}, {"last": f"hash {stage.name}"})
    Record(tmp_path).check(stages)
    change = "stages.2.changes.train_cfg.max_iters"
    mixed.merge_from_dict({change: 1})
    Record(tmp_path).check(split_stages(mixed))
    mixed.merge_from_dict({"stages.2.changes.test_dataloader.batch_size": 2})
    with pytest.raises(ConfigError, match="both was finished with another config"):
        Record(tmp_path).check(split_stages(mixed))
    shutil.rmtree(tmp_path / "one")
    with pytest.raises(ConfigError, match="both learned from an earlier one"):
        Record(tmp_path).check(stages)


def finish(record, stages, count):
    for index, stage in enumerate(stages[:count]):
        (record.work_dir / stage.name).mkdir(parents=True, exist_ok=True)
        record.begin(stage, f"hash {index - 1}" if index else None)
        names = {"last": "iter_4.pth", "best": "best.pth"}
        record.finish(
            stage.name, names, {"last": f"hash {index}", "best": f"best {index}"}
        )


def test_record_survives_and_notices_changes(cfg, tmp_path):
    stages = split_stages(cfg)
    finish(Record(tmp_path), stages, 2)
    record = Record(tmp_path)
    record.check(stages)
    assert [record.is_finished(s.name) for s in stages] == [True, True, False]

    cfg.merge_from_dict(
        {
            "optim_wrapper.segmentor.optimizer.lr": 0.1,
            "stages.1.changes.train_dataloader.batch_size": 4,
        }
    )
    message = (
        r"first was finished .*optimizer\.lr: 0\.05 -> 0\.1\. .*first and .*second"
    )
    with pytest.raises(ConfigError, match=message):
        record.check(split_stages(cfg))


def test_what_a_later_stage_is_composed_of_may_change(cfg, tmp_path):
    cfg.merge_from_dict({"composed": {"source": {"method": "st"}}, "method": "st"})
    finish(Record(tmp_path), split_stages(cfg), 1)
    cfg.merge_from_dict({"composed.source.method": "other", "method": "other"})
    Record(tmp_path).check(split_stages(cfg))
    older = json.loads((tmp_path / FILE).read_text())
    config = older["stages"]["first"]["config"]
    assert not {"composed", "method"} & set(config)
    config["composed"] = {"source": "an older record"}
    (tmp_path / FILE).write_text(json.dumps(older))
    Record(tmp_path).check(split_stages(cfg))


def test_a_change_is_accepted_where_a_stage_is_not_finished(cfg, tmp_path):
    stages = split_stages(cfg)
    finish(Record(tmp_path), stages, 1)
    begun = Record(tmp_path)
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "iter_2.pth").touch()
    begun.begin(stages[1], "hash 0")
    change = {"stages.1.changes.train_dataloader.batch_size": 4}
    cfg.merge_from_dict(change)
    with pytest.raises(ConfigError, match="second was begun with another config"):
        Record(tmp_path).check(split_stages(cfg))
    Record(tmp_path).check(split_stages(cfg), accept=True)
    cfg.merge_from_dict({"stages.0.changes.train_dataloader.batch_size": 4})
    with pytest.raises(ConfigError, match="first was finished with another config"):
        Record(tmp_path).check(split_stages(cfg), accept=True)


def test_other_first_weights_are_noticed(cfg, tmp_path):
    finish(Record(tmp_path), split_stages(cfg), 1)
    cfg.work_dir = str(tmp_path)
    message = r"first was finished with another config: load_from is new .*a\.pth"
    with pytest.raises(ConfigError, match=message):
        train_stages(cfg, load_from="a.pth")
    cfg.load_from = None
    Record(tmp_path).check(split_stages(cfg))


def test_a_stage_without_results_may_change(cfg, tmp_path):
    first = split_stages(cfg)[0]
    (tmp_path / "first").mkdir()
    Record(tmp_path).begin(first, None)
    cfg.merge_from_dict({"optim_wrapper.segmentor.optimizer.lr": 0.1})
    Record(tmp_path).check(split_stages(cfg))
    (tmp_path / "first" / "iter_2.pth").touch()
    with pytest.raises(ConfigError, match="first was begun with another config"):
        Record(tmp_path).check(split_stages(cfg))


def test_what_changes_no_result_may_change(cfg, tmp_path):
    finish(Record(tmp_path), split_stages(cfg), 2)
    cfg.merge_from_dict(
        {
            "train_dataloader.num_workers": 2,
            "default_hooks.logger.interval": 7,
            "log_level": "INFO",
            "stages.1.pseudo_masks.threads": 9,
            "test_dataloader.batch_size": 3,
        }
    )
    Record(tmp_path).check(split_stages(cfg))
    cfg.merge_from_dict({"stages.1.pseudo_masks.flip": True})
    with pytest.raises(ConfigError, match=r"pseudo_masks\.flip: false -> true"):
        Record(tmp_path).check(split_stages(cfg))


def test_stage_whose_folder_was_removed_begins_again(cfg, tmp_path):
    stages = split_stages(cfg)
    finish(Record(tmp_path), stages, 2)
    shutil.rmtree(tmp_path / "second")
    record = Record(tmp_path)
    record.check(stages)
    assert not record.is_finished("second")
    finish(record, stages, 2)
    shutil.rmtree(tmp_path / "first")
    with pytest.raises(ConfigError, match="second learned from an earlier first"):
        Record(tmp_path).check(stages)


def test_stages_may_be_added_but_not_dropped(cfg, tmp_path):
    stages = split_stages(cfg)
    finish(Record(tmp_path), stages[:2], 2)
    Record(tmp_path).check(stages)
    with pytest.raises(ConfigError, match=r"tells of the stages \['second'\]"):
        Record(tmp_path).check(stages[:1])


def test_broken_record_and_lost_checkpoint(cfg, tmp_path):
    stages = split_stages(cfg)
    finish(Record(tmp_path), stages, 1)
    with pytest.raises(ConfigError, match=r"its checkpoint .*iter_4\.pth is gone"):
        Record(tmp_path).checkpoint("first", "last")
    (tmp_path / "stages.json").write_text(json.dumps({"stages": {}}))
    with pytest.raises(ConfigError, match="no record of stages"):
        Record(tmp_path)
