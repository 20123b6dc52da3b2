import pytest
from plain_configs import CROP, FLIP, LOAD, MASKS, PACK, PIPELINE, plain_config

from mmseg_semisup.composition.blocks import resolve_method
from mmseg_semisup.composition.data import compose_loader
from mmseg_semisup.composition.record import Record
from mmseg_semisup.core.errors import ConfigError


def loader_of(cfg, method="cutmix", unlabeled="photos", labeled=None, record=None):
    plain = cfg._cfg_dict.to_dict()
    block = resolve_method(method)
    return compose_loader(plain, block, unlabeled, labeled, record or Record())


def test_the_labelled_batch_stays():
    record = Record()
    method = {"base": "cutmix", "ratio": {"unlabeled": 3}}
    loader = loader_of(plain_config(), method, record=record)
    assert loader["batch_size"] == 8
    assert loader["sampler"]["ratio"] == {"labeled": 1, "unlabeled": 3}
    assert record.notes == ["a step of one process: 2 labeled, 6 unlabeled images"]
    sources = loader["dataset"]["sources"]
    assert sources["labeled"]["pipeline"] == PIPELINE
    assert sources["unlabeled"]["paths"] == ["photos"]


def test_other_keys_of_the_loader_stay():
    cfg = plain_config(
        train_dataloader=dict(pin_memory=True, drop_last=True, batch_sampler=dict())
    )
    loader = loader_of(cfg)
    assert loader["pin_memory"]
    assert not {"drop_last", "batch_sampler"} & set(loader)


def test_samplers_of_the_loader_do_not_go_unnoticed():
    record = Record()
    cfg = plain_config(train_dataloader=dict(sampler=dict(type="MultiSourceSampler")))
    loader_of(cfg, record=record)
    assert "sampler='MultiSourceSampler' is left out" in record.notes[0]
    cfg.train_dataloader.batch_sampler = dict(type="BatchSampler", batch_size=7)
    with pytest.raises(ConfigError, match=r"batch_sampler.batch_size=7, but .*size=2"):
        loader_of(cfg)


def test_validated_and_tested_images_are_left_out():
    cfg = plain_config(test_dataloader=dict(dataset=dict(data_root="data/other")))
    excluded = loader_of(cfg)["dataset"]["sources"]["unlabeled"]["exclude"]
    assert excluded[0] == "source:labeled"
    assert [cfg["data_root"] for cfg in excluded[1:]] == ["data/val", "data/other"]
    assert all(cfg["pipeline"] == [] for cfg in excluded[1:])


def test_a_list_divides_the_training_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.txt").write_text("train0\n")
    sources = loader_of(plain_config(), unlabeled=None, labeled="few.txt")["dataset"]
    sources = sources["sources"]
    assert sources["labeled"]["ann_file"] == str(tmp_path / "few.txt")
    assert "ann_file" not in sources["unlabeled"]["images_of"]
    assert sources["unlabeled"]["images_of"]["data_root"] == "data/train"


def test_a_published_list_and_a_list_below_data_root_keep_their_names():
    for name in ("split:voc12aug/unimatch_92_labeled.txt", "lists/few.txt"):
        source = loader_of(plain_config(), labeled=name)["dataset"]["sources"][
            "labeled"
        ]
        assert source["ann_file"] == name


def test_the_dataset_of_unlabelled_images_can_be_stated():
    stated = dict(data_root="data", data_prefix=dict(img_path="x"), exclude="no.txt")
    source = loader_of(plain_config(), unlabeled=stated)["dataset"]["sources"]
    source = source["unlabeled"]
    assert source["type"] == "UnlabeledDataset"
    assert source["exclude"] == "no.txt"
    assert source["pipeline"][-1]["type"] == "MultiView"


def mixed(cfg):
    cfg.train_dataloader.dataset = {
        "type": "MultiImageMixDataset",
        "dataset": {**cfg.train_dataloader.dataset, "pipeline": [LOAD, MASKS]},
        "pipeline": [{"type": "RandomMosaic", "prob": 0.5}, *PIPELINE[2:]],
    }
    return cfg


def test_unlabelled_images_are_not_mixed_by_the_labelled_pipeline():
    sources = loader_of(mixed(plain_config()))["dataset"]["sources"]
    assert sources["labeled"] == mixed(plain_config()).train_dataloader.dataset
    plain = loader_of(plain_config())["dataset"]["sources"]
    assert sources["unlabeled"]["pipeline"] == plain["unlabeled"]["pipeline"]


def test_images_of_a_mixed_dataset_are_listed_without_mixing():
    sources = loader_of(mixed(plain_config()), unlabeled=None, labeled="few.txt")
    sources = sources["dataset"]["sources"]
    assert sources["labeled"]["dataset"]["ann_file"] == "few.txt"
    assert sources["unlabeled"]["images_of"]["type"] == "FolderDataset"


def test_a_method_cannot_add_masks_to_mixed_images():
    block = {"labeled": {"load": [{"type": "LoadPseudoMask"}]}}
    with pytest.raises(ConfigError, match="RandomMosaic"):
        loader_of(mixed(plain_config()), block)


def test_images_must_be_named():
    with pytest.raises(ConfigError, match="--unlabeled PATHS.*--labeled LIST"):
        loader_of(plain_config(), unlabeled=None)


def test_a_supervised_training_has_no_unlabelled_images():
    loader = loader_of(plain_config(), "supervised")
    assert list(loader["dataset"]["sources"]) == ["labeled"]
    assert loader["batch_size"] == 2


def test_one_image_is_not_mixed_with_itself():
    cfg = plain_config(train_dataloader=dict(batch_size=1))
    record = Record()
    assert loader_of(cfg, record=record)["sampler"]["ratio"]["unlabeled"] == 2
    assert "2 unlabelled images" in record.notes[0]
    assert loader_of(cfg, "mean_teacher")["sampler"]["ratio"]["unlabeled"] == 1


def test_epochs_count_labelled_images():
    cfg = plain_config(
        train_cfg=dict(_delete_=True, type="EpochBasedTrainLoop", max_epochs=2)
    )
    assert loader_of(cfg)["sampler"]["epoch"] == "labeled"


def test_several_datasets():
    part = plain_config().train_dataloader.dataset.to_dict()
    several = dict(type="ConcatDataset", datasets=[part, part], _delete_=True)
    cfg = plain_config(train_dataloader=dict(dataset=several))
    sources = loader_of(cfg)["dataset"]["sources"]
    assert sources["labeled"]["type"] == "ConcatDataset"
    with pytest.raises(ConfigError, match="several datasets"):
        loader_of(cfg, labeled="few.txt")
    other = {**part, "pipeline": [LOAD, MASKS, FLIP, CROP, PACK]}
    cfg.train_dataloader.dataset.datasets = [part, other]
    with pytest.raises(ConfigError, match="different random geometry"):
        loader_of(cfg)


def test_a_list_reaches_a_repeated_dataset():
    part = plain_config().train_dataloader.dataset.to_dict()
    repeated = dict(type="RepeatDataset", times=3, dataset=part, _delete_=True)
    cfg = plain_config(train_dataloader=dict(dataset=repeated))
    sources = loader_of(cfg, unlabeled=None, labeled="few.txt")["dataset"]["sources"]
    assert sources["labeled"]["times"] == 3
    assert sources["labeled"]["dataset"]["ann_file"] == "few.txt"
    assert sources["unlabeled"]["images_of"]["dataset"]["pipeline"] == []


def test_a_ratio_must_name_sources_and_count():
    with pytest.raises(ConfigError, match=r"names \['unlabelled'\]"):
        loader_of(plain_config(), {"base": "cutmix", "ratio": {"unlabelled": 2}})
    with pytest.raises(ConfigError, match="ratio.unlabeled=0"):
        loader_of(plain_config(), {"base": "cutmix", "ratio": {"unlabeled": 0}})


def test_a_composed_dataset_is_refused():
    cfg = plain_config(train_dataloader=dict(dataset=dict(type="SemiDataset")))
    with pytest.raises(ConfigError, match="SemiDataset already"):
        loader_of(cfg)


def test_a_block_changes_the_labelled_pipeline():
    extra = {"type": "LoadPseudoMask", "store": "s"}
    pack = {"type": "PackPseudoMask"}
    method = {"labeled": {"load": [extra], "pack": pack}}
    pipeline = loader_of(plain_config(), method)["dataset"]["sources"]["labeled"]
    assert pipeline["pipeline"] == [*PIPELINE[:2], extra, *PIPELINE[2:-1], pack]


def test_a_block_changes_the_unlabelled_pipeline():
    """Its files, its geometry and what packs it; the labelled one stays."""
    extra = {"type": "LoadPseudoMask", "store": None}
    pack, resize = {"type": "PackPseudoMask"}, {"type": "Resize", "scale": (40, 40)}
    changes = {"load": [extra], "pack": pack, "geometry": [resize]}
    method = {"views": {"unlabeled": []}, "unlabeled": changes}
    sources = loader_of(plain_config(), method)["dataset"]["sources"]
    multi = {"type": "MultiView", "shared": [resize], "views": {"unlabeled": [pack]}}
    assert sources["unlabeled"]["pipeline"] == [LOAD, extra, multi]
    assert sources["labeled"]["pipeline"] == PIPELINE


def test_a_source_like_another():
    method = {
        "sources": {
            "twice": {"like": "labeled", "pipeline": [LOAD, MASKS, PACK]},
            "views": {"like": "labeled", "load": [MASKS], "views": {"a": "weak"}},
            "removed": None,
        }
    }
    loader = loader_of(plain_config(), method, labeled="some.txt")
    sources = loader["dataset"]["sources"]
    assert loader["sampler"]["ratio"] == {"labeled": 1, "twice": 1, "views": 1}
    assert sources["twice"] == {**sources["labeled"], "pipeline": [LOAD, MASKS, PACK]}
    assert sources["views"]["ann_file"] == "some.txt"
    assert sources["views"]["pipeline"][:2] == [LOAD, MASKS]
    assert list(sources["views"]["pipeline"][2]["views"]) == ["a"]
