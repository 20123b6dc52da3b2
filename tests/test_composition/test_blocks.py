import pytest

from mmseg_semisup.composition.blocks import changed, method_names, resolve_method
from mmseg_semisup.core.errors import ConfigError


def test_every_block_can_be_read_and_names_no_model_or_data():
    names = method_names()
    assert {"supervised", "mean_teacher", "cutmix", "adv_semi_seg"} <= set(names)
    for name in names:
        block = resolve_method(name)
        assert not {"num_classes", "max_iters"} & set(block), name
        classifier = block.get("model", {}).get("classifier", {})
        assert classifier.get("backbone", "{backbone}") == "{backbone}", name


def test_a_block_builds_on_another():
    cutmix, teacher = resolve_method("cutmix"), resolve_method("mean_teacher")
    assert cutmix["objectives"]["consistency"].pop("mix") == "cutmix"
    assert teacher["objectives"]["consistency"].pop("mix") == "none"
    assert cutmix == teacher


def test_changes_reach_one_value():
    method = {"base": "cutmix", "objectives": {"consistency": {"threshold": 0.8}}}
    block = resolve_method(method)
    expected = resolve_method("cutmix")
    expected["objectives"]["consistency"]["threshold"] = 0.8
    assert block == expected


def test_a_part_can_be_removed():
    block = resolve_method(
        {"base": "adv_semi_seg", "objectives": {"self_taught": None}}
    )
    assert block["objectives"]["self_taught"] is None
    assert block["objectives"]["adversarial"]["start"] == {
        "labeled": 0,
        "unlabeled": 0.25,
    }


def test_two_methods_are_united():
    block = resolve_method(["cutmix", "context_aware"])
    assert set(block["objectives"]) == {"consistency", "context_contrast"}
    assert set(block["views"]) == {
        "unlabeled",
        "unlabeled_strong",
        "unlabeled_first",
        "unlabeled_second",
    }
    assert block["crop"]["type"] == "DrawTwoCrops"
    assert block["ratio"] == {"unlabeled": 1}


def test_the_greater_ratio_of_two_methods_counts():
    block = resolve_method(["cutmix", {"ratio": {"unlabeled": 3}}])
    assert block["ratio"] == {"unlabeled": 3}


def test_methods_that_contradict_each_other_are_refused():
    with pytest.raises(ConfigError, match="'cutmix' .*objectives.consistency"):
        resolve_method(["mean_teacher", "cutmix"])
    with pytest.raises(ConfigError, match="both have a teacher"):
        resolve_method(["cutmix", {"teacher": {"momentum": 0.5}}])


def test_stages_are_not_combined():
    with pytest.raises(ConfigError, match="stages cannot be combined"):
        resolve_method(["cutmix", "three_stage"])


def test_a_file_of_the_user(tmp_path):
    path = tmp_path / "own.py"
    path.write_text("method = dict(teacher=dict(momentum=0.5))\n")
    assert resolve_method(str(path)) == {"teacher": {"momentum": 0.5}}
    path.write_text("methods = dict()\n")
    with pytest.raises(ConfigError, match="no dict `method`"):
        resolve_method(str(path))


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("cutmx", "did you mean 'cutmix'"),
        ("own.py", "no such method"),
        ({"objektives": {}}, "did you mean 'objectives'"),
        ([], "allowed: a name"),
        (3, "allowed: a name"),
        ({"base": "cutmix", "teacher": {"momentum": {"a": 1}}}, "momentum"),
    ],
)
def test_mistakes_are_named(method, message):
    with pytest.raises(ConfigError, match=message):
        resolve_method(method)


def test_changing_leaves_the_base_as_it_is():
    base = {"a": {"b": 1, "c": 2}}
    assert changed(base, {"a": {"_delete_": True, "b": 3}}) == {"a": {"b": 3}}
    assert base == {"a": {"b": 1, "c": 2}}
