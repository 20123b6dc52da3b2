"""Reading checkpoints without executing anything that they contain.

Files are read with torch's restricted reader. To the types that it knows, a short list
adds what MMEngine's own checkpoints need: logged histories and arrays of numbers.
There is no fallback to Python's pickle unless the user trusts the file explicitly.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as readers

from .distributed import stop_together
from .errors import CheckpointError

MapLocation = str | torch.device | Callable[..., Any] | dict[str, Any] | None

_HISTORY_STATISTICS = ("min", "max", "current", "mean")
_NUMBER_KINDS = "biufcSU"
_trusting = False
"""The ``trust`` of the last call of ``use_safe_checkpoints``."""
_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[^.]+$")


def load_checkpoint_file(
    path: str | Path, map_location: MapLocation = "cpu", trust: bool | None = None
) -> dict[str, Any]:
    """Read a checkpoint from a file.

    Args:
        path: The file.
        map_location: Where tensors go, as in :func:`torch.load`.
        trust: Whether the file may execute code while it is read, for files of a known
            author only. None: the ``trust`` of :func:`use_safe_checkpoints`; False if
            that was never called.

    Returns:
        The content of the file; unless ``trust`` is set, without ``meta.config``, a
        text that MMEngine would execute on resume.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file is damaged, is no checkpoint, or needs code to
            be executed.
    """
    trust = _trusting if trust is None else trust
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"There is no checkpoint file {path}")
    _check_container(path)
    try:
        with _allowed_types():
            checkpoint = torch.load(
                path, map_location=map_location, weights_only=not trust
            )
    except pickle.UnpicklingError as error:
        raise _refusal(path, error) from error
    except (OSError, ImportError, torch.OutOfMemoryError):
        raise
    except (MemoryError, RecursionError) as error:
        raise CheckpointError(
            f"{path} asks for more memory than there is; it may be damaged, or made to "
            "do harm"
        ) from error
    except Exception as error:
        # A truncated stream ends in almost any exception.
        raise _unreadable(path, error) from error
    if not isinstance(checkpoint, dict):
        raise CheckpointError(
            f"{path} holds {type(checkpoint).__name__}; a checkpoint is a dictionary"
        )
    if not trust and isinstance(checkpoint.get("meta"), dict):
        checkpoint["meta"].pop("config", None)
    return checkpoint


def load_checkpoint_url(
    url: str, map_location: MapLocation = "cpu", trust: bool = False
) -> dict[str, Any]:
    """Download a checkpoint once and read it like a file.

    If the file name ends with a hash, as published models have it
    (``name-1a2b3c4d.pth``), the file must have that SHA-256.

    Args:
        url: An address that begins with ``http://`` or ``https://``.
        map_location: Where tensors go, as in :func:`torch.load`.
        trust: See :func:`load_checkpoint_file`.

    Returns:
        What the file holds.

    Raises:
        RuntimeError: If the hash does not match.
        CheckpointError: If the address names no file, or an earlier download has
            another hash; see also :func:`load_checkpoint_file`.
    """
    name = Path(urlsplit(url).path).name
    if not name or "\\" in name:
        raise CheckpointError(f"the address {url} names no checkpoint file")
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    failure = None
    try:
        _download(url, path)
    except Exception as error:
        failure = error
    # The other processes wait here for the file.
    stop_together(failure)
    return load_checkpoint_file(path, map_location, trust)


def use_safe_checkpoints(trust: bool = False) -> None:
    """Let this process read all checkpoints with the restricted reader.

    It replaces MMEngine's readers for files and addresses, which serve ``load_from``,
    ``resume``, ``init_cfg`` and ``mmseg.apis.init_model`` alike, and keeps all other
    callers of :func:`torch.load` from executing code.

    Args:
        trust: Whether files may execute code while they are read.
    """
    global _trusting
    _trusting = trust

    # MMEngine logs the names of these functions.
    def load_from_local(
        filename: str, map_location: MapLocation = None
    ) -> dict[str, Any]:
        return load_checkpoint_file(filename, map_location, trust)

    def load_from_http(
        filename: str, map_location: MapLocation = None, **_: Any
    ) -> dict[str, Any]:
        return load_checkpoint_url(filename, map_location, trust)

    CheckpointLoader.register_scheme("", load_from_local, force=True)
    CheckpointLoader.register_scheme(
        ("http://", "https://"), load_from_http, force=True
    )
    # MMEngine's readers of model zoos call it by its name.
    readers.load_from_http = load_from_http
    torch.serialization.add_safe_globals(_allow_list())
    if trust:
        os.environ.pop("TORCH_FORCE_WEIGHTS_ONLY_LOAD", None)
    else:
        os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"


def _download(url: str, path: Path) -> None:
    """Download a missing file, in one process of each machine."""
    found = _HASH_IN_NAME.search(path.name)
    if found and path.is_file():
        _check_hash(path, found.group(1))
    if int(os.environ.get("LOCAL_RANK", "0")) == 0 and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(
            url, str(path), hash_prefix=found.group(1) if found else None
        )


def _check_hash(path: Path, expected: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    if not digest.hexdigest().startswith(expected):
        raise CheckpointError(
            f"{path} is not what its name says: its SHA-256 begins with "
            f"{digest.hexdigest()[: len(expected)]}; remove the file to download it "
            "again"
        )


def _check_container(path: Path) -> None:
    """Raise CheckpointError for a damaged file, and for one that is no checkpoint."""
    with path.open("rb") as file:
        start = file.read(2)
    if not start:
        raise CheckpointError(f"{path} is empty")
    if start == b"PK":
        if not zipfile.is_zipfile(path):
            raise CheckpointError(
                f"{path} is damaged: its end is missing, so it was not written or "
                f"copied completely ({path.stat().st_size} bytes)"
            )
        _check_parts(path)
    elif start[:1] != b"\x80":
        raise CheckpointError(
            f"{path} is no checkpoint: it begins with {start!r} and not as a file "
            f"that torch.save wrote"
        )


def _check_parts(path: Path) -> None:
    """Refuse a small file that would unpack to a large one."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise _unreadable(path, error) from error
    size, packed = path.stat().st_size, [p for p in parts if p.compress_type]
    unpacked = sum(part.file_size for part in parts)
    if packed or unpacked > size:
        raise CheckpointError(
            f"{path} was not read: its parts are compressed or overlap, which "
            f"torch.save never does ({size} bytes would become {unpacked})"
        )


def _refusal(path: Path, error: Exception) -> CheckpointError:
    text = str(error)
    reason = re.search(r"(Unsupported global: )?GLOBAL \S+|call reduce for .*", text)
    if reason is None and not zipfile.is_zipfile(path):
        return _unreadable(path, error)
    needed = reason.group() if reason else _first_line(error)
    return CheckpointError(
        f"{path} was not read, because it holds more than weights and numbers and "
        f"could execute code ({needed}). If you know who made the file and trust "
        f"them, repeat the command with --trust-checkpoint"
    )


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path} could not be read, it may be damaged: {_first_line(error)}"
    )


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


@contextmanager
def _allowed_types() -> Iterator[None]:
    added = set(_allow_list()) - set(torch.serialization.get_safe_globals())
    torch.serialization.add_safe_globals(list(added))
    try:
        yield
    finally:
        # torch adds types of its own when it imports a module meanwhile
        kept = [t for t in torch.serialization.get_safe_globals() if t not in added]
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(kept)


def _allow_list() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """List the types that MMEngine's checkpoints need beyond torch's own."""
    number_types = {type(np.dtype(code)) for code in "?bhilqBHILQefdFDSU"}
    return [HistoryBuffer, np.ndarray, *number_types, *_STAND_INS]


def _named(path: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Alias a function for the unpickler, which finds it under the given path."""

    def stand_in(*args: Any) -> Any:
        return function(*args)

    stand_in.__module__, stand_in.__name__ = path.rsplit(".", 1)
    stand_in.__qualname__ = stand_in.__name__
    return stand_in


def _statistic(owner: type, name: str) -> Callable[..., Any]:
    """Replace ``getattr`` in pickled histories, which look up four statistics."""
    if owner is not HistoryBuffer or name not in _HISTORY_STATISTICS:
        raise pickle.UnpicklingError(f"GLOBAL getattr({owner!r}, {name!r})")
    return getattr(HistoryBuffer, name)


def _number_dtype(name: str, *flags: bool) -> np.dtype:
    """Replace ``numpy.dtype`` in pickles, and refuse types that hold Python objects."""
    dtype = np.dtype(name, *flags)
    if dtype.kind not in _NUMBER_KINDS:
        raise pickle.UnpicklingError(f"GLOBAL numpy.dtype({name!r})")
    return dtype


def _array_functions() -> tuple[Any, Any]:
    """The functions by which numpy's pickles rebuild arrays and scalars."""
    return np.zeros(1).__reduce__()[0], np.float64(1).__reduce__()[0]


_RECONSTRUCT, _SCALAR = _array_functions()
_STAND_INS = [
    _named("builtins.getattr", _statistic),
    _named("__builtin__.getattr", _statistic),
    _named("numpy.dtype", _number_dtype),
    # numpy 1 and numpy 2 call the same functions by different names
    _named("numpy.core.multiarray._reconstruct", _RECONSTRUCT),
    _named("numpy._core.multiarray._reconstruct", _RECONSTRUCT),
    _named("numpy.core.multiarray.scalar", _SCALAR),
    _named("numpy._core.multiarray.scalar", _SCALAR),
]
