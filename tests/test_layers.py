"""The contracts of imports, which `tools/dev.py test` checks, notice violations."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "mmseg_semisup"


def lint(folder: Path) -> subprocess.CompletedProcess:
    pytest.importorskip("importlinter")
    code = "from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-logo", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path):
    """A copy of the package that a test may spoil."""
    ignored = shutil.ignore_patterns("__pycache__", ".mim", "*.txt")
    shutil.copytree(ROOT / PACKAGE, tmp_path / PACKAGE, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_all_contracts_are_kept():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout
    assert "2 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    "code",
    [
        "from mmseg_semisup.engine.loops import TeacherStudentValLoop",
        "def later():\n    import mmseg_semisup.engine.loops",
        "if TYPE_CHECKING:\n    from ..engine import loops",
    ],
)
def test_an_import_upwards_is_named(project, code):
    append(project / PACKAGE / "models" / "counter.py", f"\n\n{code}\n")
    done = lint(project)
    assert done.returncode == 1
    found = "".join(done.stdout.split())
    assert "mmseg_semisup.models.counter->mmseg_semisup.engine" in found


def test_a_circle_within_a_package_is_named(project):
    append(
        project / PACKAGE / "core" / "errors.py",
        "\n\ndef later():\n    from .checkpoint import load_checkpoint_file\n",
    )
    done = lint(project)
    assert done.returncode == 1
    assert "No cycles are allowed in mmseg_semisup.core" in done.stdout


def test_a_new_package_needs_a_layer(project):
    folder = project / PACKAGE / "misc"
    folder.mkdir()
    (folder / "__init__.py").touch()
    done = lint(project)
    assert done.returncode == 1
    assert "mmseg_semisup.misc" in done.stdout


def test_each_package_says_what_it_may_import():
    folders = [path.parent for path in (ROOT / PACKAGE).glob("*/**/__init__.py")]
    assert len(folders) > 20
    for folder in folders:
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        words = (ast.get_docstring(tree) or "").split()
        assert "may be imported" in " ".join(words), folder.name
