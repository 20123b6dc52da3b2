"""Looks at the data of a training: sizes, classes, overlaps, pseudo-masks."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from mmseg_semisup.datasets.checks.classes import (
    ClassCount,
    count_classes,
    count_pixels,
    validation_faults,
)
from mmseg_semisup.datasets.checks.images import SizeCount, count_sizes, deep_images
from mmseg_semisup.datasets.checks.overlap import image_keys, shared_images
from mmseg_semisup.datasets.mask_values import has_masks
from mmseg_semisup.datasets.pseudo_masks import PseudoMaskDataset
from mmseg_semisup.datasets.semi_dataset import SemiDataset
from mmseg_semisup.datasets.sources import SourceDataset, leaves

VALIDATION_SECONDS = 3.0
"""Time for the masks of the validation at the beginning of a training."""
NEARLY_ALL = 0.995
"""Share of the pixels of pseudo-masks from which on one class counts as having all."""


@dataclass
class Survey:
    """The data of a training, and what is wrong with it.

    Attributes:
        images: Number of images of each training source.
        sizes: Sizes of some of them.
        classes: The classes in the masks; None: there are no masks.
        validated: Number of images that are validated; None: there is no validation.
        errors: Sentences about data that a training must not begin with.
        warnings: Sentences about data that is probably a mistake.
        tables: Further lines about pseudo-masks.
    """

    images: dict[str, int]
    sizes: dict[str, SizeCount]
    classes: ClassCount | None
    validated: int | None = None
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)


def survey(
    dataset: SourceDataset,
    validation: SourceDataset | None = None,
    allow: Collection[str] = (),
    seconds: float = math.inf,
) -> Survey:
    """Look at a training set.

    Args:
        dataset: A ``SemiDataset``, or another training set.
        validation: The images that are validated.
        allow: Kinds of problems that ``DataCheckHook`` allows.
        seconds: Time for reading masks.
    """
    sources: dict[str, SourceDataset] = {"labeled": dataset}
    if isinstance(dataset, SemiDataset):
        sources = dict(dataset.sources)
    found = Survey(
        images={name: len(source) for name, source in sources.items()},
        sizes={name: count_sizes(source) for name, source in sources.items()},
        classes=count_classes(sources, seconds),
        validated=None if validation is None else len(validation),
    )
    masked = {n: any(map(has_masks, leaves(s))) for n, s in sources.items()}
    overlaps, validated = shared_images(sources, masked, validation)
    # Whoever validates the very list that is labelled, or one folder, may mean it; a
    # few images that are in both lists are a mistake. The images of pseudo-masks are
    # those of an earlier stage, which was checked.
    meant = "validated" in allow or _same_list(sources["labeled"], validation)
    for name, text in validated.items():
        if meant or _is_pseudo(sources[name]):
            found.warnings.append(
                f"{text}; the scores of a validation with training images say nothing "
                "about other images"
            )
        else:
            found.errors.append(
                f"{text}; training images must not be validated: the scores would be "
                "too good. Exclude them, or allow it with "
                "dict(type='DataCheckHook', allow=['validated'])"
            )
    if "overlap" not in allow:
        found.warnings += [
            f"{text}; set exclude='source:labeled' in the unlabelled source"
            for text in overlaps
        ]
    found.warnings += [
        text for name, count in found.sizes.items() if (text := count.problem(name))
    ]
    found.warnings += deep_images(sources)
    skips = getattr(dataset, "on_error", "raise") == "skip"
    _judge_classes(found, "missing-class" in allow, skips)
    if validation is not None:
        found.errors += validation_faults(validation, min(seconds, VALIDATION_SECONDS))[
            :1
        ]
    for name, source in sources.items():
        if _is_pseudo(source):
            _judge_pseudo_masks(found, name, source, min(seconds, 10.0))
    return found


def _is_pseudo(source: SourceDataset) -> bool:
    return all(isinstance(leaf, PseudoMaskDataset) for leaf in leaves(source))


def _same_list(labeled: SourceDataset, validation: SourceDataset | None) -> bool:
    return validation is not None and image_keys(labeled) == image_keys(validation)


def _judge_classes(found: Survey, allowed: bool, skips: bool) -> None:
    count = found.classes
    if count is None:
        return
    (found.warnings if skips else found.errors).extend(count.faults[:1])
    if count.pseudo:
        return
    texts = count.problems()
    if count.one_class is not None and not allowed and texts:
        found.errors.append(
            f"{texts[0]}: all {count.read} masks show {count.one_class!r} only, so "
            "that there is nothing to learn"
        )
        return
    shown = texts if len(texts) < 3 else [f"{texts[0]}, and so {len(texts) - 1} more"]
    found.warnings += shown


def _judge_pseudo_masks(
    found: Survey, name: str, source: SourceDataset, seconds: float
) -> None:
    count = count_pixels(source, seconds)
    shares = count.shares
    most = int(np.argmax(shares)) if len(shares) else 0
    texts = []
    if count.never:
        texts.append(
            f"{len(count.never)} of {len(count.names)} classes have no pixel: "
            f"{', '.join(count.never[:8])}"
        )
    if len(shares) > 1 and shares[most] >= NEARLY_ALL:
        texts.append(f"{count.names[most]!r} has {shares[most]:.2%} of the pixels")
    if not texts:
        return
    found.warnings.append(
        f"the pseudo-masks of the source {name!r} ({count.read} of {count.total} "
        f"read): {'; '.join(texts)}; see the table"
    )
    found.tables.append(pixel_table(count, name))


def pixel_table(count: ClassCount, name: str) -> str:
    """Images and share of the pixels of each class.

    Args:
        count: The counted masks.
        name: Name of their source.
    """
    lines = [f"{name + ': class':<26}{'masks':>8}{'pixels':>9}"]
    for i, label in enumerate(count.names):
        lines.append(
            f"{i:>4} {label[:20]:<21}{count.images[i]:>8}{count.shares[i]:>9.2%}"
        )
    return "\n".join(lines)
