"""Starts the tools: ``mmseg-semisup TOOL ...`` or ``python -m mmseg_semisup TOOL ...``.

A clone has them in ``tools/``, a wheel carries them along. Configs that ship with the
package are named without a folder, as in
``mmseg-semisup train NAME_OF_A_CONFIG --work-dir results``.
"""

from __future__ import annotations

import ast
import os
import runpy
import sys
from pathlib import Path

from mmseg_semisup.core.text import suggest

PACKAGE = Path(__file__).resolve().parent
INTERNAL = ("dev.py", "dev_environment.py", "dist_run.sh", "slurm_job.sh")
"""Files beside the tools: two work in a clone only, the tools start the rest."""
DEMO = PACKAGE / "demo" / "__main__.py"


def tools() -> dict[str, Path]:
    """Find the tools by name, inside the package or beside it."""
    for folder in (PACKAGE / ".mim" / "tools", PACKAGE.parent / "tools"):
        if (folder / "train.py").is_file():
            paths = [*folder.glob("*.py"), *folder.glob("*.sh")]
            named = {path.stem: path for path in paths if path.name not in INTERNAL}
            return dict(sorted({**named, "demo": DEMO}.items()))
    return {}


def describe(tool: Path) -> str:
    """Read what a tool does: the first line of its docstring or comment."""
    text = tool.read_text(encoding="utf-8")
    if tool.suffix == ".sh":
        return text.splitlines()[1].removeprefix("# ")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def overview(known: dict[str, Path]) -> str:
    """List the tools with a line each."""
    width = max(map(len, known), default=0)
    lines = [f"  {name:{width}}  {describe(path)}" for name, path in known.items()]
    return "\n".join(
        [
            "usage: mmseg-semisup TOOL [options]",
            "       mmseg-semisup TOOL --help",
            "",
            *lines,
            "",
            "Configs that ship with the package are named without a folder.",
        ]
    )


def main() -> None:
    """Run the tool that the first argument names, with the others as its own."""
    known = tools()
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(overview(known))
        return
    tool = known.get(name.replace("-", "_"))
    if tool is None:
        sys.exit(
            f"error: there is no tool {name!r}; {suggest(name, known)}"
            f"there are {', '.join(known)}"
        )
    if tool.suffix == ".sh":
        # The script starts `python`, which should be this one.
        own = os.path.dirname(sys.executable)
        os.environ["PATH"] = os.pathsep.join((own, os.environ.get("PATH", "")))
        os.execvp("bash", ["bash", str(tool), *arguments])  # noqa: S606, S607
        return
    sys.argv = [str(tool), *arguments]
    if tool == DEMO:
        runpy.run_module("mmseg_semisup.demo", run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(str(tool), run_name="__main__")


if __name__ == "__main__":
    main()
