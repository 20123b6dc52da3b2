"""The form of a method's block: which part is a dict, a list, or a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mmengine.config.config import DELETE_KEY

from mmseg_semisup.core.errors import ConfigError

WEAK = "weak"
"""A view with the geometry of the labelled images alone."""
APPEARANCE = "appearance"
"""In the list of a view: the labelled pipeline's changes of colour and texture."""
STEPS = ("load", "views", "pack", "geometry")
"""What a block says of the pipeline of a source."""


class Form(NamedTuple):
    """What a value may be; None is always allowed, and leaves the part out.

    Attributes:
        fits: Whether a value has the form.
        text: Its description, for messages.
    """

    fits: Callable[[Any], bool]
    text: str


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_dict(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _is_typed(value: Any) -> bool:
    return _is_dict(value) and "type" in value


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_typed, value))


def _is_view(value: Any) -> bool:
    steps = value if isinstance(value, (list, tuple)) else [None]
    return value == WEAK or all(s == APPEARANCE or _is_typed(s) for s in steps)


def _named(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def of_dict(value: Any) -> bool:
        return _is_dict(value) and all(
            part is None or key == DELETE_KEY or fits(part)
            for key, part in value.items()
        )

    return of_dict


DICT = Form(_is_dict, "a dict")
TYPED = Form(_is_typed, "a dict with a type")
NUMBER = Form(_is_number, "a number")
DICTS = Form(_named(_is_dict), "a dict of dicts, by name")
LIST = Form(_is_list, "a list of dicts with a type")
VIEWS = Form(_named(_is_view), "a dict of 'weak' or lists of transforms, by view")
SOURCE_FORMS = {"load": LIST, "views": VIEWS, "pack": TYPED, "geometry": LIST}
FORMS = {
    "teacher": DICT,
    "networks": DICTS,
    "labeled_weight": NUMBER,
    "average_losses": Form(lambda value: isinstance(value, bool), "True or False"),
    "objectives": DICTS,
    "views": VIEWS,
    "augment": Form(lambda value: isinstance(value, str), "'workers' or 'device'"),
    "crop": TYPED,
    "ratio": Form(_named(_is_number), "a dict of whole numbers, by source"),
    "rare_classes": Form(
        lambda value: isinstance(value, bool) or _is_dict(value), "True, or a dict"
    ),
    "sources": DICTS,
    "model": TYPED,
    "image_size": NUMBER,
    "labeled_batch": NUMBER,
    "iterations": NUMBER,
    "optim_wrapper": DICTS,
    "param_scheduler": Form(_named(_is_list), "a dict of lists of dicts, by optimizer"),
    "custom_hooks": LIST,
    "evaluators": LIST,
    "test_cfg": DICT,
    "stages": DICTS,
}
"""Form of each part of a block, apart from :data:`SOURCES`."""
SOURCES = ("labeled", "unlabeled", "weak", "tested")
"""Parts with :data:`STEPS`."""


def check_form(block: Mapping[str, Any]) -> None:
    """Raise ConfigError for a part of another form.

    Args:
        block: A whole block, in which all keys are known.

    Raises:
        ConfigError: The message names the part, its value and what is allowed.
    """
    for part, value in block.items():
        if value is None:
            continue
        if part in SOURCES:
            _check_source(value, part)
        elif part in FORMS:
            _check(value, FORMS[part], part)
    for name, source in (block.get("sources") or {}).items():
        for key in SOURCE_FORMS.keys() & (source or {}).keys():
            _check(source[key], SOURCE_FORMS[key], f"sources.{name}.{key}")


def _check_source(value: Any, part: str) -> None:
    steps = ", ".join(STEPS)
    _check(value, Form(_is_dict, f"a dict with {steps}"), part)
    for key, steps_of in value.items():
        if key == DELETE_KEY:
            continue
        if key not in SOURCE_FORMS:
            raise ConfigError(f"method.{part} has no {key!r}; allowed: {steps}")
        _check(steps_of, SOURCE_FORMS[key], f"{part}.{key}")


def _check(value: Any, form: Form, where: str) -> None:
    if value is not None and not form.fits(value):
        raise ConfigError(f"method.{where}={value!r:.60}; allowed: {form.text}")
