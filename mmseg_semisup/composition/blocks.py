"""Reads and combines the blocks of methods, ``configs/_base_/methods/NAME.py``."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from mmseg_semisup.core.config import config_folders
from mmseg_semisup.core.config_file import read_file
from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.core.text import suggest

from .block_form import check_form

PARTS = {
    "teacher": "arguments of the model's teacher",
    "networks": "further networks of the model, by name",
    "labeled_weight": "factor of the model's own losses",
    "average_losses": "whether the sum of the losses is divided by that of the weights",
    "objectives": "objectives of the model, by name",
    "views": "views of an unlabelled image, by name: 'weak', or transforms",
    "augment": "where the colours of views are changed: 'workers', or 'device', for a "
    "whole batch on the model's device",
    "crop": "a transform that replaces the random crop of unlabelled images",
    "ratio": "images of each other source for one labelled image",
    "rare_classes": "True, or dict(temperature=..., share=...): labelled images and "
    "crops are drawn by class, rare ones more often",
    "sources": "further sources, by name; `like` names one of the same images; with "
    "`views`, or the whole `pipeline`",
    "labeled": "dict(load=[...], pack=...): changes to the labelled pipeline; with "
    "views=dict(...), and geometry=[...], the same as for an unlabelled image",
    "unlabeled": "dict(load=[...], pack=..., geometry=[...]): changes to the pipeline "
    "of unlabelled images",
    "weak": "dict(views=..., load=..., pack=..., geometry=...) for images with image "
    "labels, whose source is read if the user names some",
    "model": "a model in place of the segmentor in its SemiSegmentor; in any part, "
    "'{segmentor}', '{backbone}', '{preprocessor}' (without padding), '{classes}', "
    "'{num_classes}', '{background}', '{ignore_index}', '{size}' (height and width of "
    "the images) and '{scale}' (width and height) stand for the plain config's",
    "image_size": "greatest side in '{size}', which is the crop's otherwise",
    "tested": "dict(load=..., geometry=..., pack=...) for images to validate and test",
    "labeled_batch": "labelled images in a step for which the learning rate of `model` "
    "is stated; with fewer, it is lower in proportion",
    "iterations": "share of the plain config's iterations or epochs",
    "optim_wrapper": "optimizers of the method's own networks, by name; `segmentor` "
    "is that of `model`",
    "param_scheduler": "schedules of these optimizers, by name",
    "custom_hooks": "hooks",
    "evaluators": "further metrics; with `model`, in place of the config's",
    "test_cfg": "test_cfg of the model",
    "stages": "several trainings in order; each has a `method` of its own; with "
    "task='evaluate', the `model` of that method is tested",
}
"""Keys of a block and their meaning."""
BASE = "base"

Method = str | Sequence[str] | Mapping[str, Any]


def method_names() -> list[str]:
    """Names of the methods that ship with the project."""
    return sorted(_files())


def resolve_method(method: Method, within: Sequence[Path] = ()) -> dict[str, Any]:
    """Combine what a config's ``method`` says into one block.

    Args:
        method: A name, or the path of a file with a block; several of them; or a block,
            whose ``base`` may be any of these, which it changes.
        within: The files that name it, each in the one before.

    Returns:
        A block with keys of :data:`PARTS`.

    Raises:
        ConfigError: If a name or a key is unknown, a part has another form, two methods
            contradict each other, or a file is its own base.
    """
    if isinstance(method, str):
        return _read(method, within)
    if isinstance(method, Mapping):
        block = ConfigDict(copy.deepcopy(dict(method))).to_dict()
        base = block.pop(BASE, None)
        _check_keys(block, "method")
        if base is not None:
            before = resolve_method(base, within)
            stages, changes = before.get("stages"), block.get("stages")
            if stages and isinstance(changes, Mapping):
                ready = {n: opened(s, changes.get(n)) for n, s in stages.items()}
                before = {**before, "stages": ready}
            block = changed(before, block)
        check_form(block)
        return block
    if not isinstance(method, Sequence) or not method:
        raise ConfigError(
            f"method={method!r}; allowed: a name, a list of names, or "
            f"dict(base=NAME, objectives=dict(...)); names: {', '.join(method_names())}"
        )
    combined: dict[str, Any] = {}
    for name in method:
        block = resolve_method(name, within)
        if combined and "stages" in {*combined, *block}:
            raise ConfigError(
                f"method={list(method)}: a method with stages cannot be combined; "
                "name the others in the `method` of a stage"
            )
        _add(combined, block, str(name))
    return combined


def _read(name: str, within: Sequence[Path]) -> dict[str, Any]:
    files = _files()
    path = Path(name) if name.endswith(".py") else files.get(name)
    if path is None or not path.is_file():
        hint = suggest(name, list(files), cutoff=0.5)
        raise ConfigError(
            f"method={name!r}: there is no such method; {hint}there are "
            f"{', '.join(sorted(files))}; a file of your own is named with its .py"
        )
    path = path.resolve()
    if path in within:
        chain = " -> ".join(map(str, [*within, path]))
        raise ConfigError(f"method={name!r}: the file is its own base: {chain}")
    block = read_file(path).get("method")
    if not isinstance(block, Mapping):
        raise ConfigError(f"method={name!r}: {path} has no dict `method`")
    return resolve_method(block, [*within, path])


def _files() -> dict[str, Path]:
    return {
        file.stem: file
        for folder in config_folders()
        for file in (folder / "_base_" / "methods").glob("*.py")
    }


def _check_keys(block: Mapping[str, Any], where: str) -> None:
    for key in block:
        if key not in PARTS:
            hint = suggest(key, list(PARTS), cutoff=0.6)
            raise ConfigError(
                f"{where} has no part {key!r}; {hint}there are {', '.join(PARTS)}"
            )


def changed(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Merge changes into a block or a config as a config merges into its base.

    Args:
        base: Stays as it is.
        changes: Dicts and values, with ``_delete_`` where a dict is replaced.

    Raises:
        ConfigError: If a dict would be merged into something else.
    """
    try:
        merged = Config._merge_a_into_b(ConfigDict(changes), ConfigDict(base))
    except (KeyError, TypeError) as error:
        raise ConfigError(f"method: {error.args[0]}") from error
    return ConfigDict(merged).to_dict()


def opened(stage: Any, changes: Any) -> Any:
    """A stage whose named method is a block that changes can be merged into.

    >>> opened(dict(method="cutmix"), dict(method=dict(labeled_weight=0.5)))
    {'method': {'base': 'cutmix'}}
    """
    if not isinstance(stage, Mapping) or not isinstance(changes, Mapping):
        return stage
    method = stage.get("method")
    if isinstance(changes.get("method"), Mapping) and isinstance(method, (str, list)):
        return {**stage, "method": {BASE: method}}
    return stage


def _add(combined: dict[str, Any], block: dict[str, Any], name: str) -> None:
    """Add the parts of another method in place."""
    for part, value in block.items():
        if isinstance(value, Mapping) and part not in ("teacher", "crop"):
            own = combined.setdefault(part, {})
            for key, entry in value.items():
                if part == "ratio":
                    own[key] = max(own.get(key, 0), entry)
                elif own.setdefault(key, entry) != entry:
                    raise ConfigError(
                        f"method: {name!r} and another method both have {part}.{key}, "
                        "with other values; combine them in a block of your own"
                    )
        elif isinstance(value, list):
            own = combined.setdefault(part, [])
            own.extend(entry for entry in value if entry not in own)
        elif combined.setdefault(part, value) != value:
            raise ConfigError(
                f"method: {name!r} and another method both have a {part}, with other "
                "values; combine them in a block of your own"
            )
