"""The wheel and the source archive: what they carry, and that the tree stays clean."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
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
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.name not in ("dev.py", "dev_environment.py")
    }


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    return build("wheel", source, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_carries_configs_tools_and_splits(source, wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"mmseg_semisup/.mim/{name}" for name in shipped_files()} <= names
    modules = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "mmseg_semisup").rglob("*")
        if path.suffix in (".py", ".txt", ".typed") and ".mim" not in path.parts
    }
    assert modules <= names
    assert {"mmseg_semisup/py.typed", "mmseg_semisup/.mim/model-index.yml"} <= names
    unwanted = re.compile(r"__pycache__|^tests/|/dev(_environment)?\.py$")
    assert not [name for name in names if unwanted.search(name)]
    assert not (source / "mmseg_semisup" / ".mim").exists()


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_wheel_installs_a_console_command(wheel, tmp_path):
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (distribution,) = importlib.metadata.distributions(path=[str(site)])
    (command,) = distribution.entry_points.select(group="console_scripts")
    assert command.name == "mmseg-semisup"
    code = f"import {command.module} as starter; starter.{command.attr}()"
    done = subprocess.run(
        [sys.executable, "-c", code, "train", "supervised_lite0_2k_voc-animals-66"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "similar names: supervised_lite0_2k_voc-animals-65" in done.stderr


@pytest.fixture
def tools(monkeypatch, tmp_path) -> Path:
    """The folder of the tools of an installed copy."""
    folder = tmp_path / ".mim" / "tools"
    folder.mkdir(parents=True)
    code = '"""Trains.\n\nMore."""\nimport sys\nraise SystemExit(sys.argv[1:])'
    (folder / "train.py").write_text(code)
    (folder / "dist_train.sh").write_text('#!/bin/bash\n# Trains often.\necho "$@"')
    monkeypatch.setattr(starter, "PACKAGE", tmp_path)
    return folder


def test_the_starter_runs_a_tool_with_its_arguments(monkeypatch, tools):
    monkeypatch.setattr(sys, "argv", ["mmseg-semisup", "train", "a.py", "--amp"])
    with pytest.raises(SystemExit) as stopped:
        starter.main()
    assert stopped.value.code == ["a.py", "--amp"]


@pytest.mark.parametrize("name", ["dist_train", "dist-train"])
def test_the_starter_runs_scripts_with_its_own_python(monkeypatch, tools, name):
    started = []
    monkeypatch.setattr(os, "execvp", lambda *command: started.append(command))
    monkeypatch.setattr(sys, "argv", ["mmseg-semisup", name, "a.py", "4"])
    monkeypatch.setenv("PATH", "/usr/bin")
    starter.main()
    script = str(tools / "dist_train.sh")
    assert started == [("bash", ["bash", script, "a.py", "4"])]
    own = str(Path(sys.executable).parent)
    assert os.environ["PATH"] == f"{own}{os.pathsep}/usr/bin"


def test_the_starter_suggests_the_nearest_name(monkeypatch, tools):
    monkeypatch.setattr(sys, "argv", ["mmseg-semisup", "tarin"])
    expected = "no tool 'tarin'; did you mean 'train'\\? there are demo, dist_train, "
    with pytest.raises(SystemExit, match=expected):
        starter.main()


def test_the_starter_describes_every_tool_in_a_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["mmseg-semisup", "--help"])
    starter.main()
    lines = capsys.readouterr().out.splitlines()
    listed = dict(line.split(maxsplit=1) for line in lines if line.startswith("  "))
    files = [p for p in (ROOT / "tools").iterdir() if p.suffix in (".py", ".sh")]
    expected = {p.stem for p in files if p.name not in starter.INTERNAL}
    listed.pop("mmseg-semisup")
    assert set(listed) == expected | {"demo"}
    assert listed["dist_train"].startswith("Trains in several processes")
    assert listed["train"].startswith("Trains the model of a config")
    assert all(text.endswith(".") for text in listed.values())


@pytest.fixture
def dev(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    monkeypatch.delitem(sys.modules, "dev_environment", raising=False)
    spec = importlib.util.spec_from_file_location("dev", ROOT / "tools" / "dev.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("dev_environment")


def environment_of(dev):
    return sys.modules[dev.Environment.__module__]


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


def test_dev_explains_a_missing_network(dev):
    output = "Retrying ... NewConnectionError(... Name or service not known)\nERROR: x"
    assert "cannot reach its package index" in environment_of(dev).explain(output)


def test_dev_explains_a_full_disk(dev):
    output = "ERROR: [Errno 28] No space left on device"
    assert "is full" in environment_of(dev).explain(output)


def test_dev_names_unknown_commands(dev, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dev.py", "tset"])
    assert dev.main() == 2
    assert "'tset'; there are demo, test" in capsys.readouterr().out


def test_dev_needs_an_existing_mmcv(dev, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["dev.py", "old-trio", "--mmcv", "absent.whl"])
    assert dev.main() == 1
    assert "no file absent.whl" in capsys.readouterr().err


def test_dev_notices_changed_requirements(dev, monkeypatch, tmp_path):
    module = environment_of(dev)
    for name in module.INPUTS:
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    environment = dev.Environment(".venv", [["pkg"]])
    before = environment._fingerprint()
    assert environment._fingerprint() == before
    with (tmp_path / "constraints.txt").open("a") as file:
        file.write("numpy==1\n")
    assert environment._fingerprint() != before


def test_dev_builds_the_site_with_the_packages_of_the_extra(dev, monkeypatch):
    commands = []
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    extra = re.search(r'"docs": \[(.+)\]', setup).group(1)
    assert tuple(re.findall(r'"([^"]+)"', extra)) == dev.DOCS_TOOLS
    monkeypatch.setattr(dev.Environment, "prepare", lambda self: None)
    monkeypatch.setattr(
        dev.Environment, "run", lambda self, command, **_: commands.append(command) or 0
    )
    assert dev.docs([]) == 0
    assert commands == [["-m", "mkdocs", "build", "--strict"]]


@pytest.mark.parametrize("least", [0, 2**60])
def test_tests_write_into_memory_if_there_is_enough(dev, monkeypatch, tmp_path, least):
    monkeypatch.setattr(dev, "MEMORY", tmp_path)
    monkeypatch.setattr(dev, "LEAST_MEMORY", least)
    with dev.temporary_folder() as folder:
        if least or sys.platform != "linux":
            assert folder is None
        else:
            assert Path(folder).parent == tmp_path
            Path(folder, "left").mkdir()
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(dev, "MEMORY", tmp_path / "none")
    with dev.temporary_folder() as folder:
        assert folder is None


@pytest.mark.parametrize("lane", ["fast", "whole", "full"])
def test_dev_runs_all_checks_and_may_leave_out_slow_tests(
    dev, monkeypatch, capsys, lane
):
    commands, variables = [], {}

    def run(self, command, output=None, **given):
        if output is not None:
            output.write("what mypy says")
        commands.append(command)
        variables.update(given)

    monkeypatch.setattr(dev.Environment, "prepare", lambda self: None)
    monkeypatch.setattr(dev.Environment, "run", run)
    own = [] if lane == "whole" else [f"--{lane}"]
    assert dev.test([*own, "-k", "sampler"]) == 0
    (tests,) = (command for command in commands if "pytest" in command)
    assert len(commands) == 5
    assert ["-m", "mypy"] in commands
    assert ("not slow" in tests) == (lane == "fast")
    assert not set(own) & set(tests)
    assert tests[-2:] == ["-k", "sampler"]
    assert variables.get("MMSEG_SEMISUP_FULL") == ("1" if lane == "full" else None)
    shown = capsys.readouterr().out
    assert "what mypy says" in shown
    assert "all checks passed" in shown
