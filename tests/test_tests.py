"""The tests themselves: each asserts something, and they mirror the package."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "mmseg_semisup"
TOOLS = TESTS.parent / "tools"
ASSERTING = ("assert", "raises", "warns", "fail")
"""How the names of functions begin that fail a test."""


class Functions:
    """The functions of all files in a folder of tests, by file and name.

    Args:
        folder: Holds Python files whose names differ.
    """

    def __init__(self, folder: Path) -> None:
        self.found: dict[tuple[str, str], ast.FunctionDef] = {}
        self.imported: dict[tuple[str, str], tuple[str, str]] = {}
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef):
                    self.found[path.stem, node.name] = node
                elif isinstance(node, ast.ImportFrom):
                    for alias in node.names:
                        known_as = (path.stem, alias.asname or alias.name)
                        self.imported[known_as] = (node.module or "", alias.name)

    def asserts(self, key: tuple[str, str], seen: frozenset = frozenset()) -> bool:
        """Whether a function, or one of the tests' own that it calls, can fail."""
        key = self.imported.get(key, key)
        if key in seen or key not in self.found:
            return False
        for node in ast.walk(self.found[key]):
            if isinstance(node, ast.Assert):
                return True
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name.startswith(ASSERTING):
                    return True
                if self.asserts((key[0], name), seen | {key}):
                    return True
        return False

    def without_assertion(self) -> Iterator[str]:
        """The tests that cannot fail but by an error."""
        for file, name in self.found:
            if name.startswith("test_") and not self.asserts((file, name)):
                yield f"{file}.py::{name}"


def test_every_test_asserts_something():
    assert list(Functions(TESTS).without_assertion()) == []


CASES = {
    "assert 1 == 1": True,
    "with pytest.raises(ValueError): work()": True,
    "torch.testing.assert_close(1, 1)": True,
    "helper()": True,
    "other()": True,
    "work()": False,
    "print('assert')": False,
}


@pytest.mark.parametrize("body", CASES)
def test_what_counts_as_an_assertion(tmp_path, body):
    (tmp_path / "helpers.py").write_text("def shared():\n    assert 1\n")
    (tmp_path / "test_one.py").write_text(
        "from helpers import shared as other\n"
        "def helper():\n    assert 1\n"
        "def work():\n    work()\n"
        f"def test_it():\n    {body}\n"
    )
    missing = list(Functions(tmp_path).without_assertion())
    assert missing == ([] if CASES[body] else ["test_one.py::test_it"])


OF_THE_WHOLE = {
    "test_all_configs.py": "the shipped configs",
    "test_three_stage_configs.py": "those of one method, as its paper states them",
    "test_unimatch_configs.py": "those of one method, as its paper states them",
    "test_datasets/test_dataset_configs.py": "the data of the shipped configs",
    "test_docs.py": "documents",
    "test_doctests.py": "examples in docstrings",
    "test_golden.py": "recorded numbers of every method",
    "test_engine/test_two_processes.py": "every method in two processes",
    "test_models/test_step/test_mmseg_registry.py": "every head of MMSegmentation",
    "test_pseudo_masks/test_store.py": "datasets/pseudo_mask_store.py",
    "test_pseudo_masks/test_store_manifest.py": "datasets/pseudo_mask_store.py",
    "test_layers.py": "imports between folders",
    "test_leaves.py": "how the shipped configs are written",
    "test_reference_pages.py": "docs/reference",
    "test_site.py": "the documentation's site",
    "test_soak.py": "trainings under faults",
    "test_messages.py": "what messages advise",
    "test_names.py": "the names of the shipped configs",
    "test_packaging.py": "the wheel and the source archive",
    "test_schedules.py": "the schedules of the configs",
    "test_tests.py": "the tests",
    "test_tools/test_five_minutes.py": "docs/five_minutes.md",
    "test_tutorials.py": "docs/tutorials",
    "test_tools/test_odd_names.py": "names of files and classes, in all tools",
}
"""Tests that have no module of their name, and what they are about."""

TESTED_IN = {
    "__main__.py": "test_packaging.py",
    "benchmark": "test_tools/test_benchmark.py",
    "cli/pseudo_masks.py": "test_tools/test_generate_cams.py",
    "core/figures.py": "test_pseudo_masks/test_quality.py",
    "datasets/original_shape.py": "test_export/test_plain_model.py",
    "datasets/pseudo_mask_store.py": "test_pseudo_masks/test_store.py",
    "datasets/rand_augment_appearance.py": "test_datasets/test_rand_augment.py",
    "datasets/voc_animals.py": "test_all_configs.py",
    "engine/data_stream.py": "test_engine/test_hooks/test_resumed_config_hook.py",
    "engine/fresh_optimizer.py": "test_engine/test_hooks/test_resumed_config_hook.py",
    "engine/hooks/fresh_counters_hook.py": "test_tools/test_train.py",
    "engine/hooks/preemption_hook.py": "test_engine/test_preemption.py",
    "engine/hooks/repeat_validation_hook.py": "test_engine/test_preemption.py",
    "engine/job_record.py": "test_core/test_find_checkpoint.py",
    "engine/process_buffers.py": "test_engine/test_resume.py",
    "evaluation/roc.py": "test_tools/test_draw_curves.py",
    "export/folder.py": "test_tools/test_predict.py",
    "export/image_loader.py": "test_tools/test_predict.py",
    "export/onnx_model.py": "test_tools/test_export_onnx.py",
    "export/prediction_files.py": "test_tools/test_predict.py",
    "models/adversary.py": "test_models/test_objectives/test_adversarial.py",
    "models/classifiers/activation_maps.py": "test_pseudo_masks/test_cams.py",
    "models/losses/feature_matching.py": (
        "test_models/test_objectives/test_feature_matching.py"
    ),
    "models/objectives/base.py": "test_docs.py",
    "label_next/pictures.py": "test_tools/test_label_next.py",
    "label_next/run.py": "test_tools/test_label_next.py",
    "models/step/map_search.py": "test_models/test_step/test_prediction.py",
    "pseudo_masks/writer.py": "test_pseudo_masks/test_generate.py",
    "study/array_task.py": "test_study/test_run.py",
    "version.py": "test_packaging.py",
    "visualization/compare.py": "test_tools/test_predict.py",
    "visualization/latent_class_hook.py": "test_tools/test_latent_classes.py",
    "visualization/training_curves.py": "test_tools/test_draw_curves.py",
}
"""Modules and folders that only a test elsewhere is about."""


def mirrored(test: Path) -> Path | None:
    """The module or folder that a test is about, by the name of its file.

    What is longer than the name of a module is about one side of it.
    """
    parts = [part.removeprefix("test_") for part in test.relative_to(TESTS).parts]
    folder = PACKAGE.joinpath(*parts[:-1])
    words = test.stem.split("_")[1:]
    if parts[0] == "tools":
        folder = TOOLS
    for count in range(len(words), 0, -1):
        path = folder / "_".join(words[:count])
        for found in (path.with_suffix(".py"), path.with_suffix(".sh"), path):
            if found.exists():
                return found
    return None


def public_names(module: Path) -> list[str]:
    """Functions and classes at the top of a module that others may use."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    nodes = ast.parse(module.read_text(encoding="utf-8")).body
    names = [node.name for node in nodes if isinstance(node, kinds)]
    return [name for name in names if not name.startswith("_")]


def files_of_tests() -> list[Path]:
    return sorted(TESTS.rglob("test_*.py"))


def test_every_test_is_about_a_module():
    lost = {
        path.relative_to(TESTS).as_posix()
        for path in files_of_tests()
        if mirrored(path) is None
    }
    assert lost == set(OF_THE_WHOLE)


def test_every_module_has_a_test():
    """Of its name, of its folder, or one in the same room that names a part of it."""
    tests = {path: path.read_text(encoding="utf-8") for path in files_of_tests()}
    about = {mirrored(path) for path in tests}
    lost = []
    for module in sorted(PACKAGE.rglob("*.py")):
        place = module.relative_to(PACKAGE)
        if module.name == "__init__.py" or place.parts[0] == ".mim":
            continue
        if about & {module, *module.parents} - {PACKAGE}:
            continue
        if {str(place), *map(str, place.parents)} & set(TESTED_IN):
            continue
        room = TESTS / f"test_{place.parts[0]}"
        words = re.compile(rf"\b({'|'.join(public_names(module))})\b")
        if not any(
            words.search(text) for t, text in tests.items() if room in t.parents
        ):
            lost.append(str(place))
    assert lost == []


def test_the_list_of_modules_that_are_tested_elsewhere_is_right():
    for place, test in TESTED_IN.items():
        assert (PACKAGE / place).exists(), place
        assert (TESTS / test).is_file(), test
        names = {mirrored(path) for path in files_of_tests()}
        assert PACKAGE / place not in names, f"{place} has a test of its name"


def test_files_of_one_name_do_not_get_in_each_others_way():
    """Pytest tells them apart where every folder is a package."""
    folders = {path.parent for path in files_of_tests()} - {TESTS}
    assert [f for f in folders if not (f / "__init__.py").is_file()] == []
