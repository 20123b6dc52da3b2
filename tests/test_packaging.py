"""The wheel and the source archive: what they carry, and that the tree stays clean."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from mmseg_semisup import __main__ as starter
from mmseg_semisup.compat import MINIMUM, TORCH_MINIMUM
from mmseg_semisup.version import __version__

ROOT = Path(__file__).resolve().parents[1]
NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", "__pycache__", ".*_cache", ".mim", "work_dirs", "data", "*.pth"
)


def build(target: str, source: Path, folder: Path) -> Path:
    """Build in this environment, so that no network is needed."""
    pytest.importorskip("setuptools", minversion="64")
    code = (
        f"from setuptools import build_meta; "
        f"print('BUILT', build_meta.build_{target}({str(folder)!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / re.search(r"^BUILT (.+)$", done.stdout, re.MULTILINE).group(1)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """A copy of the project, so that building cannot touch the real one."""
    folder = tmp_path_factory.mktemp("source") / "project"
    shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
    return folder


def shipped_files() -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for name in ("configs", "tools")
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "dev.py"
    }


def test_the_wheel_carries_configs_tools_and_splits(source, tmp_path):
    wheel = build("wheel", source, tmp_path)
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"mmseg_semisup/.mim/{name}" for name in shipped_files()} <= names
    modules = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "mmseg_semisup").rglob("*")
        if path.suffix in (".py", ".txt", ".typed") and ".mim" not in path.parts
    }
    assert modules <= names
    assert "mmseg_semisup/py.typed" in names
    assert not any(re.search(r"__pycache__|^tests/|/dev\.py$", name) for name in names)
    assert not (source / "mmseg_semisup" / ".mim").exists()


def test_the_source_archive_builds_the_same_wheel(source, tmp_path):
    archive = build("sdist", source, tmp_path)
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    (unpacked,) = (path for path in tmp_path.iterdir() if path.is_dir())
    folders = [tmp_path / "direct", tmp_path / "through"]
    for folder in folders:
        folder.mkdir()
    direct = build("wheel", source, folders[0])
    through = build("wheel", unpacked, folders[1])
    assert contents(direct) == contents(through)


def contents(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {
            entry.filename: entry.CRC
            for entry in archive.infolist()
            if not entry.filename.endswith("RECORD")
        }


def test_the_starter_runs_a_tool_with_its_arguments(monkeypatch, tmp_path):
    tools = tmp_path / ".mim" / "tools"
    tools.mkdir(parents=True)
    (tools / "train.py").write_text("import sys\nraise SystemExit(sys.argv[1:])")
    monkeypatch.setattr(starter, "PACKAGE", tmp_path)
    monkeypatch.setattr(sys, "argv", ["mmseg_semisup", "train", "a.py", "--amp"])
    with pytest.raises(SystemExit) as stopped:
        starter.main()
    assert stopped.value.code == ["a.py", "--amp"]
    monkeypatch.setattr(sys, "argv", ["mmseg_semisup", "tarin"])
    with pytest.raises(SystemExit, match="no tool 'tarin'; there are train"):
        starter.main()


def load_dev():
    spec = importlib.util.spec_from_file_location("dev", ROOT / "tools" / "dev.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def versions(name: str, relation: str) -> dict[str, str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    pattern = rf"^([\w-]+){relation}([\w.]+)(?:;.*)?$"
    return dict(re.findall(pattern, text, re.MULTILINE))


def test_versions_agree():
    pinned = versions("constraints.txt", "==")
    minimum = versions("requirements.txt", ">=")
    assert minimum.pop("torch") == TORCH_MINIMUM
    assert pinned["torch"]
    for name, version in minimum.items():
        assert name in pinned
        if name.startswith("onedl-"):
            assert MINIMUM[name] == version


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert str(citation["version"]) == __version__


def test_dev_explains_a_missing_network():
    output = "Retrying ... NewConnectionError(... Name or service not known)\nERROR: x"
    assert "cannot reach its package index" in load_dev().explain(output)


def test_dev_explains_a_full_disk():
    output = "ERROR: [Errno 28] No space left on device"
    assert "is full" in load_dev().explain(output)


def test_dev_names_unknown_commands(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dev.py", "tset"])
    assert load_dev().main() == 2
    assert "'tset'; there are demo, test" in capsys.readouterr().out


def test_dev_needs_an_existing_mmcv(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dev.py", "old-trio", "--mmcv", "absent.whl"])
    assert load_dev().main() == 1
    assert "no file absent.whl" in capsys.readouterr().err


def test_dev_notices_changed_requirements(monkeypatch, tmp_path):
    dev = load_dev()
    for name in dev.INPUTS:
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    environment = dev.Environment(".venv", [["pkg"]])
    before = environment._fingerprint()
    assert environment._fingerprint() == before
    with (tmp_path / "constraints.txt").open("a") as file:
        file.write("numpy==1\n")
    assert environment._fingerprint() != before


@pytest.mark.parametrize("fast", [False, True])
def test_dev_runs_all_checks_and_may_leave_out_slow_tests(monkeypatch, capsys, fast):
    dev, commands = load_dev(), []
    monkeypatch.setattr(dev.Environment, "prepare", lambda self: None)
    monkeypatch.setattr(
        dev.Environment, "run", lambda self, command, **_: commands.append(command)
    )
    assert dev.test([*["--fast"] * fast, "-k", "sampler"]) == 0
    *checks, tests = commands
    assert len(checks) == 4
    assert ("not slow" in tests) == fast
    assert "--fast" not in tests
    assert tests[-2:] == ["-k", "sampler"]
    assert "all checks passed" in capsys.readouterr().out
