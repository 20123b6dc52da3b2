"""Uploads a published network to the Hugging Face hub, when asked to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from mmseg_semisup.core.errors import ConfigError

NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}", re.ASCII)


def hub_library() -> ModuleType:
    """The package huggingface_hub.

    Raises:
        ConfigError: If it is not installed; the message says how to get it.
    """
    try:
        import huggingface_hub
    except ModuleNotFoundError as error:
        raise ConfigError(
            "--push-to needs the Python package huggingface_hub, which is not "
            "installed; run `pip install 'mmseg-semisup[hub]'`"
        ) from error
    return huggingface_hub


def check_repository(name: str) -> None:
    """Raise ConfigError for a name that no repository of the hub can have.

    Args:
        name: As 'OWNER/NAME'.

    Raises:
        ConfigError: If it has another form.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(f"--push-to {name!r}; allowed: OWNER/NAME")


def push(files: Sequence[Path], repository: str, private: bool) -> str:
    """Upload files to a repository, which is made if it does not exist.

    Only the named files are uploaded, whatever else their folder holds.

    Args:
        files: Files of one folder.
        repository: As 'OWNER/NAME'.
        private: Whether a new repository is private.

    Returns:
        Address of the commit.

    Raises:
        ConfigError: If the package is missing, or the hub refuses.
    """
    check_repository(repository)
    hub = hub_library()
    try:
        client = hub.HfApi()
        client.create_repo(repository, private=private, exist_ok=True)
        done = client.upload_folder(
            repo_id=repository,
            folder_path=str(files[0].parent),
            allow_patterns=[file.name for file in files],
            commit_message="Publish a network of mmseg_semisup",
        )
    except Exception as error:  # of the hub, the network, or the login
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(f"--push-to {repository}: {reason}") from error
    return str(done)
