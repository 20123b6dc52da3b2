"""Reading checkpoints without executing anything that they contain.

Files are read by this package's own reader, which builds weights, numbers and
MMEngine's histories of logs, each by a function that checks what it gets. There is no
fallback to Python's pickle unless the user trusts the file explicitly.
"""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as readers

from .checkpoint_archive import PartError, Place, read_archive, read_stream
from .distributed import stop_together
from .errors import CheckpointError
from .pickle_nodes import ForeignNameError
from .plain_files import open_plain, why_not_plain

MapLocation = str | torch.device | Callable[..., Any] | dict[str, Any] | None

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
    if not path.exists() and not path.is_symlink():
        raise FileNotFoundError(f"There is no checkpoint file {path}")
    reason = why_not_plain(path)
    if reason is not None:
        raise CheckpointError(f"{path} {reason}")
    try:
        checkpoint = _read(path, map_location, trust)
    except ForeignNameError as error:
        raise _refusal(path, error) from error
    except PartError as error:
        raise CheckpointError(f"{path} was not read: {error}") from error
    except (CheckpointError, ImportError, torch.OutOfMemoryError):
        raise
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {_first_line(error)}") from error
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
    ``resume``, ``init_cfg`` and ``mmseg.apis.init_model`` alike, and leaves torch's own
    restricted reader to all other callers of :func:`torch.load`.

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
    with open_plain(path) as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    if not digest.hexdigest().startswith(expected):
        raise CheckpointError(
            f"{path} is not what its name says: its SHA-256 begins with "
            f"{digest.hexdigest()[: len(expected)]}; remove the file to download it "
            "again"
        )


def _read(path: Path, map_location: MapLocation, trust: bool) -> Any:
    """Read a file with the reader of its form."""
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(2)
        file.seek(0)
        if not start:
            raise CheckpointError(f"{path} is empty")
        archived = start == b"PK"
        if not archived and start[:1] != b"\x80":
            raise CheckpointError(
                f"{path} is no checkpoint: it begins with {start!r} and not as a file "
                f"that torch.save wrote"
            )
        if archived and not zipfile.is_zipfile(file):
            raise CheckpointError(
                f"{path} is damaged: its end is missing, so it was not written or "
                f"copied completely ({size} bytes)"
            )
        file.seek(0)
        if trust:
            return torch.load(file, map_location=map_location, weights_only=False)
        reader = read_archive if archived else read_stream
        return reader(file, size, _placing(map_location))


def _placing(map_location: MapLocation) -> Place:
    """Move storages as :func:`torch.load` does with its ``map_location``."""

    def place(storage: torch.UntypedStorage, location: str) -> torch.UntypedStorage:
        target: Any = map_location
        if isinstance(map_location, dict):
            target = map_location.get(location, location)
        elif callable(map_location):
            found = map_location(storage, location)
            if found is not None:
                return found
            target = location
        wanted = str(location if target is None else target)
        if wanted == "cpu":
            return storage
        return torch.serialization.default_restore_location(storage, wanted)

    return place


def _refusal(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{path} was not read, because it holds more than weights and numbers and "
        f"could execute code ({_first_line(error)}). If you know who made the file and "
        "trust them, repeat the command with --trust-checkpoint"
    )


def _unreadable(path: Path, error: Exception) -> CheckpointError:
    if "CRC" in str(error):
        return CheckpointError(f"{path} is damaged: a part has another checksum")
    return CheckpointError(
        f"{path} could not be read, it may be damaged: {_first_line(error)}"
    )


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
