"""Tells the purpose of a transform by its class."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from mmcv.transforms import BaseTransform, LoadAnnotations
from mmengine.dataset import Compose
from mmseg.registry import TRANSFORMS

from mmseg_semisup.core.config_types import type_of


def loads_file(step: Any) -> bool:
    """Whether a transform reads a file, by mmcv's convention: ``Load...``.

    Args:
        step: A transform, its class or its config.
    """
    cls = _class_of(step)
    return inspect.isclass(cls) and cls.__name__.startswith("Load")


def loads_mask(step: Any) -> bool:
    """Whether a transform reads the file of a mask.

    Args:
        step: A transform, its class or its config.

    Returns:
        True for mmcv's ``LoadAnnotations`` and its subclasses, and for classes with a
        similar name, such as mmseg's ``LoadBiomedicalAnnotation``.
    """
    cls = _class_of(step)
    if not inspect.isclass(cls):
        return False
    named = cls.__name__.startswith("Load") and "Annotation" in cls.__name__
    return named or issubclass(cls, LoadAnnotations)


def walk(transforms: Any) -> Iterator[BaseTransform]:
    """All transforms of a pipeline, including nested ones.

    Args:
        transforms: A built pipeline, a transform, or lists and dicts of such.
    """
    if isinstance(transforms, BaseTransform):
        yield transforms
        yield from walk(list(vars(transforms).values()))
    elif isinstance(transforms, Compose):
        yield from walk(list(transforms.transforms))
    elif isinstance(transforms, Mapping):
        yield from walk(list(transforms.values()))
    elif isinstance(transforms, (list, tuple)):
        for transform in transforms:
            yield from walk(transform)


def _class_of(step: Any) -> Any:
    if inspect.isclass(step):
        return step
    return type_of(step, TRANSFORMS) if isinstance(step, Mapping) else type(step)
