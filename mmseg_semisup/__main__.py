"""Starts the tools of an installed copy: ``python -m mmseg_semisup TOOL ...``.

A clone has them in ``tools/``, a wheel carries them along. Configs that ship with the
package are named without a folder, as in
``python -m mmseg_semisup train NAME_OF_A_CONFIG --work-dir results``.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def tools() -> dict[str, Path]:
    """Find the tools by name, inside the package or beside it."""
    for folder in (PACKAGE / ".mim" / "tools", PACKAGE.parent / "tools"):
        found = {path.stem: path for path in sorted(folder.glob("*.py"))}
        if "train" in found:
            return {name: path for name, path in found.items() if name != "dev"}
    return {}


def main() -> None:
    """Run the tool that the first argument names, with the others as its own."""
    known = tools()
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(f"{__doc__}\nTools: {', '.join(known)}")
        return
    if name not in known:
        sys.exit(f"error: there is no tool {name!r}; there are {', '.join(known)}")
    sys.argv = [str(known[name]), *arguments]
    runpy.run_path(str(known[name]), run_name="__main__")


if __name__ == "__main__":
    main()
