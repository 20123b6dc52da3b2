"""Reads records that tools write as JSON, and checks their form.

A record may have been edited, damaged or made by somebody else. Whatever is wrong, the
error is one line that names the file and the key.

A *form* describes a value:

- a type: ``int`` (no truth value), ``float`` (also an int), ``str``, ``bool``, or
  ``object`` for anything;
- :data:`MAYBE_NAN`, a number that may be NaN or infinite, which JSON has no word for
  and Python writes nevertheless;
- ``None`` for null, and a tuple of forms for any of them;
- ``[form]``, a list; ``{str: form}``, an object with any keys;
- ``{"key": form, "other?": form}``, an object with these keys, of which those with a
  question mark may be missing; further keys are ignored.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .plain_files import read_plain

LARGEST = 1 << 63
"""No record holds a larger integer."""
MAYBE_NAN = "a number"
NAMES = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}


class RecordError(ValueError):
    """A record cannot be read; the message names the key or says what is wrong."""


def read_record(path: str | Path, form: Any = object) -> Any:
    """Read a file of JSON.

    Args:
        path: The file, or a link to one.
        form: The form of its content.

    Returns:
        The content.

    Raises:
        RecordError: If it is no plain file, no JSON, or of another form; the message is
            one line and does not name the file.
    """
    try:
        content = read_plain(path)
    except OSError as error:
        raise RecordError(str(error).removeprefix(f"{path} ")) from error
    return parse_record(content, form)


def read_versioned(path: str | Path, version: int, form: Any) -> Any:
    """Read a file of JSON that states the version of its form.

    Args:
        path: The file, or a link to one.
        version: The version that can be read.
        form: The form of the content in that version.

    Returns:
        The content.

    Raises:
        RecordError: As :func:`read_record`, and for another version.
    """
    content = read_record(path, {"version": int})
    if content["version"] != version:
        raise RecordError(
            f"its version is {content['version']}, and {version} is allowed"
        )
    check_form(content, form)
    return content


def parse_record(content: bytes | str, form: Any = object) -> Any:
    """Read a text of JSON, such as a line of a journal.

    Args:
        content: The text, or its bytes in UTF-8.
        form: The form of its content.

    Raises:
        RecordError: As :func:`read_record`.
    """
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        found = json.loads(text, object_pairs_hook=_unique, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise RecordError(f"byte {error.start} is no UTF-8") from error
    except RecursionError as error:
        raise RecordError("its lists and objects are nested too deep") from error
    except ValueError as error:
        raise RecordError(f"it is no JSON: {error}") from error
    check_form(found, form)
    return found


def check_form(value: Any, form: Any, where: str = "") -> None:
    """Raise RecordError for a value of another form.

    Args:
        value: What JSON holds.
        form: The form that it should have.
        where: Key of the value, for the message; empty: it is the whole record.

    Raises:
        RecordError: Its message is 'KEY is VALUE, and not ...'.
    """
    fault = next(_faults(value, form, where), None)
    if fault is not None:
        raise RecordError(fault)


def _faults(value: Any, form: Any, where: str) -> Iterator[str]:
    if form is object:
        return
    if isinstance(form, tuple):
        found = [next(_faults(value, one, where), None) for one in form]
        if None not in found:
            # Of a list or an object, the fault within it says more.
            inner = [f for f in found if f and not f.startswith(f"{_name(where)} is ")]
            yield (inner or [_other(value, form, where)])[0]
    elif isinstance(form, list):
        if not isinstance(value, list):
            yield _other(value, form, where)
            return
        for index, part in enumerate(value):
            yield from _faults(part, form[0], f"{where}[{index}]")
    elif isinstance(form, dict):
        if not isinstance(value, dict):
            yield _other(value, form, where)
        elif str in form:
            for key, part in value.items():
                yield from _faults(part, form[str], _join(where, key))
        else:
            yield from _faults_of_keys(value, form, where)
    elif not _is(value, form):
        yield _other(value, form, where)


def _faults_of_keys(
    value: Mapping[str, Any], form: Mapping[str, Any], where: str
) -> Iterator[str]:
    for key, part in form.items():
        name = key.removesuffix("?")
        if name in value:
            yield from _faults(value[name], part, _join(where, name))
        elif name == key:
            yield f"{_join(where, name)} is missing"


def _is(value: Any, form: Any) -> bool:
    if form is None:
        return value is None
    if form is MAYBE_NAN or form is float:
        is_number = type(value) in (int, float)
        return is_number and (form is MAYBE_NAN or math.isfinite(value))
    return type(value) is form


def _other(value: Any, form: Any, where: str) -> str:
    return f"{_name(where)} is {value!r:.60}, and not {_describe(form)}"


def _describe(form: Any) -> str:
    if isinstance(form, tuple):
        return " or ".join(map(_describe, form))
    if isinstance(form, list):
        return "a list"
    if isinstance(form, dict):
        return "an object"
    if form is None or form is MAYBE_NAN:
        return form or "null"
    return NAMES[form]


def _name(where: str) -> str:
    return where or "the whole"


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _integer(text: str) -> int:
    number = int(text)
    if not -LARGEST <= number < LARGEST:
        raise ValueError(f"the number {text:.30}... is too large")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without equal keys, of which json would keep the last."""
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"the key {key!r:.60} is there twice")
        content[key] = value
    return content
