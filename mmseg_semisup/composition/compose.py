"""Turns a plain MMSegmentation config into a semi-supervised training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from mmseg_semisup.core.config_types import with_named_types
from mmseg_semisup.core.errors import ConfigError

from .assemble import compose_block
from .blocks import Method, method_names, resolve_method
from .data import UNLABELED, WEAK
from .encoders import Stated
from .rare_classes import RARE
from .record import Record
from .stages import SUPERVISED, compose_stages
from .swap import swap_encoder

ENCODER = "encoder"
KEYS = ("method", "unlabeled", "labeled", "weak", RARE)
"""Keys of a config that a method is composed of; ``encoder`` is read before."""
COMPOSED = "composed"
"""Key of a composed config: what it was composed of, and what was decided."""


def compose(
    cfg: Config,
    method: Method | None = None,
    unlabeled: Any = None,
    labeled: Any = None,
    weak: Any = None,
    encoder: Stated | None = None,
    rare_classes: Any = None,
) -> Config:
    """Add a method to a plain config.

    The user's model, optimizer, schedule, batch of labelled images, pipelines and
    evaluators stay. The same arguments give the same config; a composed config and the
    same method give that config.

    Args:
        cfg: A plain MMSegmentation config, which may itself state the other arguments
            as top-level keys. It stays as it is.
        method: Name of a method, several names, or a block, see
            :func:`~.blocks.resolve_method`; None: ``cfg.method``.
        unlabeled: Folders, image files and lists of unlabelled images; or a dict, the
            config of their dataset; None: ``cfg.unlabeled``.
        labeled: List of those training images whose masks are used; a folder that
            ``tools/import_masks.py`` wrote; or a dict, changes to the training dataset;
            None: ``cfg.labeled``, or all of them.
        weak: A file of image labels, with lines ``id: class, class`` or JSON, whose ids
            are paths below its folder; that and the folder of the images; or a dict,
            arguments of ``WeakLabelDataset``; None: ``cfg.weak``.
        encoder: An encoder in place of the config's, with the head that reads it, see
            :func:`~.encoders.resolve_encoder`; None: ``cfg.encoder``.
        rare_classes: True, or a dict with ``temperature`` and ``share``: labelled
            images and crops are drawn by class, see
            :class:`~mmseg_semisup.datasets.rare_classes.RareClasses`; None:
            ``cfg.rare_classes``, or as the method has it.

    Returns:
        The full config, without the keys above; ``composed`` says what it was made of.
        Without any method, it is the plain config, with another encoder if one is
        named.

    Raises:
        ConfigError: If the config, the method and the images do not fit.
    """
    given = (method, unlabeled, labeled, weak, encoder, rare_classes)
    return compose_recorded(cfg, *given)[0]


def compose_recorded(
    cfg: Config,
    method: Method | None = None,
    unlabeled: Any = None,
    labeled: Any = None,
    weak: Any = None,
    encoder: Stated | None = None,
    rare_classes: Any = None,
) -> tuple[Config, Record]:
    """:func:`compose`, and what it decided."""
    cfg = with_encoder(cfg, encoder)
    plain = cfg._cfg_dict.to_dict()
    values = (method, unlabeled, labeled, weak, rare_classes)
    given = dict(zip(KEYS, values, strict=True))
    stated = {key: plain.pop(key, None) for key in KEYS}
    named = {
        key: value if value is not None else stated[key] for key, value in given.items()
    }
    known = plain.get(COMPOSED) or {"source": {}, "notes": []}
    record = Record(list(known["notes"]))
    if named["method"] is None and "method" not in known["source"]:
        for key in KEYS[1:]:
            if given[key] is not None:
                raise ConfigError(f"{key}={given[key]!r} needs a method, too")
        if stated[RARE]:
            raise ConfigError(
                f"{RARE}={stated[RARE]!r} needs a method, too; 'supervised' learns "
                "masks alone"
            )
        return cfg, record
    source = {key: value for key, value in named.items() if value is not None}
    if ENCODER in known["source"]:
        source = {ENCODER: known["source"][ENCODER], **source}
    if "method" in known["source"]:
        if known["source"] != _plain(source) and any(
            v is not None for v in given.values()
        ):
            raise ConfigError(
                f"the config is composed already, of {known['source']}; start from the "
                "plain config to compose another"
            )
        return Config(plain, filename=cfg.filename), record
    block = resolve_method(named["method"])
    if named[RARE] is not None:
        block = {**block, RARE: named[RARE]}
    if unlabeled is not None and not _reads_images(block):
        raise ConfigError(f"method={named['method']!r} reads no unlabelled images")
    if named["weak"] is None and _needs_labels(block):
        raise ConfigError(
            f"method={named['method']!r} learns image labels, and none are named; name "
            "a file of labels and the folder of the images (--weak LABELS [FOLDER])"
        )
    if weak is not None and not _reads_labels(block):
        raise ConfigError(
            f"method={named['method']!r} reads no image labels; methods that do: "
            + ", ".join(n for n in method_names() if _reads_labels(resolve_method(n)))
        )
    make = compose_stages if block.get("stages") else compose_block
    images = (named["unlabeled"], named["labeled"], record, named["weak"])
    composed = make(plain, block, *images)
    composed[COMPOSED] = {"source": _plain(source), "notes": list(record.notes)}
    return Config(composed, filename=cfg.filename), record


def with_encoder(cfg: Config, encoder: Stated | None = None) -> Config:
    """Replace the encoder of a config that names another one.

    Args:
        cfg: A plain config; it stays as it is.
        encoder: See :func:`compose`.

    Returns:
        A plain config without ``encoder``; ``composed`` says what was replaced.

    Raises:
        ConfigError: If it cannot have the encoder.
    """
    cfg = with_named_types(cfg)
    named = encoder if encoder is not None else cfg.get(ENCODER)
    if named is None:
        return cfg
    plain = cfg._cfg_dict.to_dict()
    plain.pop(ENCODER, None)
    known = plain.get(COMPOSED)
    if known is None:
        record = Record()
        plain = swap_encoder(plain, named, record)
        source = {ENCODER: _plain(named)}
        plain[COMPOSED] = {"source": source, "notes": list(record.notes)}
    elif known["source"].get(ENCODER) != _plain(named):
        raise ConfigError(
            f"the config is composed already, of {known['source']}; start from the "
            "plain config for another encoder"
        )
    return Config(plain, filename=cfg.filename)


def _parts(block: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], dict[str, Any]]]:
    """The stages of a method with their blocks; or the method as its only stage."""
    stages = [stage for stage in (block.get("stages") or {}).values() if stage]
    if not stages:
        return [({}, dict(block))]
    return [(s, resolve_method(s.get("method", SUPERVISED))) for s in stages]


def _reads_images(block: Mapping[str, Any]) -> bool:
    """Whether a method reads unlabelled images that a user names."""
    parts = _parts(block)
    own = [UNLABELED in stage for stage, _ in parts]
    read = [bool(part.get("views")) for _, part in parts]
    # Stages without views of their own read pseudo-masks of the unlabelled images.
    masks = any(stage.get("pseudo_masks") for stage, _ in parts) and not any(own)
    return masks or any(r and not o for r, o in zip(read, own, strict=True))


def _reads_labels(block: Mapping[str, Any]) -> bool:
    """Whether a method, or one of its stages, can use image labels."""
    return any(part.get(WEAK) for _, part in _parts(block))


def _needs_labels(block: Mapping[str, Any]) -> bool:
    """Whether a method, or one of its stages, learns nothing but masks and labels."""
    return any(part.get(WEAK) and not part.get("views") for _, part in _parts(block))


def _plain(value: Any) -> Any:
    """Convert to what a dumped config reads back."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and not isinstance(value, str):
        return [_plain(part) for part in value]
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)
