"""Uploads, with a stub of the hub's client."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.publish.hub import check_repository, push


class Client:
    """Notes its calls."""

    calls: list[tuple] = []
    error: Exception | None = None

    def create_repo(self, name, **options):
        if self.error:
            raise self.error
        self.calls.append(("create", name, options))

    def upload_folder(self, **options):
        self.calls.append(("upload", options))
        return "https://hub/commit/1"


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(Client, "calls", [])
    monkeypatch.setattr(Client, "error", None)
    hub = SimpleNamespace(HfApi=Client)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    return Client


@pytest.mark.parametrize("private", [True, False])
def test_only_the_named_files_are_uploaded(client, tmp_path, private):
    files = [tmp_path / name for name in ("config.py", "model.pth")]
    assert push(files, "me/cats", private) == "https://hub/commit/1"
    create, (_, upload) = client.calls
    assert create == ("create", "me/cats", {"private": private, "exist_ok": True})
    assert upload["folder_path"] == str(tmp_path)
    assert upload["allow_patterns"] == ["config.py", "model.pth"]
    assert upload["repo_id"] == "me/cats"


def test_what_the_hub_refuses_is_one_line(client, monkeypatch, tmp_path):
    monkeypatch.setattr(Client, "error", OSError("401\nno login"))
    with pytest.raises(ConfigError, match="^--push-to me/cats: 401 no login$"):
        push([tmp_path / "config.py"], "me/cats", True)


def test_without_the_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match="huggingface_hub, which is not installed"):
        push([tmp_path / "config.py"], "me/cats", True)


@pytest.mark.parametrize("name", ["cats", "me/cats/more", "me/ca ts", "", "me/", "ü/x"])
def test_names_of_repositories(name):
    with pytest.raises(ConfigError, match="allowed: OWNER/NAME"):
        check_repository(name)
