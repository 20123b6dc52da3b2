"""The notebooks of docs/tutorials run, and hold no output."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from processes import environment

ROOT = Path(__file__).resolve().parents[1]
SERVER = f"""
import subprocess, sys
sys.path.append({str(ROOT / "tests")!r})
import processes
subprocess.Popen = processes.popen
"""
"""Its tools come from a server that has imported the package once."""
NOTEBOOKS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path):
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert code
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"]] == []
    assert len({cell["id"] for cell in cells(path)}) == len(cells(path))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_without_its_data(path, tmp_path, monkeypatch):
    """In a clone without data/, where a stand-in is drawn; one iteration."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    for name in ("configs", "docs", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name, value in environment(TUTORIAL_ITERATIONS="1").items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(SERVER))
    client = nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    shown = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if {"image/png", "image/jpeg"} & set(output.get("data", ()))
    ]
    assert len(shown) == 6
    results = tmp_path / "work_dirs/tutorial/stand_in_1"
    assert (results / "plain/model.pth").is_file()
    assert len((results / "next/labeled.txt").read_text().split()) == 32
