"""Makes the virtual environments of ``dev.py``, with the standard library alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = "constraints.txt"
INPUTS = (CONSTRAINTS, "requirements.txt", "setup.py", "pyproject.toml")
STAMP = "installed.txt"
SHOWN_STEPS = ("Downloading ", "Processing ", "Building ", "Installing ")
NO_NETWORK = (
    "Temporary failure in name resolution",
    "Name or service not known",
    "NewConnectionError",
    "Network is unreachable",
    "Connection refused",
    "ConnectTimeoutError",
    "Cannot connect to proxy",
)


class SetupError(Exception):
    """The environment cannot be made; the message says what to do."""


class Environment:
    """A virtual environment in the project's root, and what it should hold.

    Args:
        name: Name of its folder.
        steps: Argument lists for ``pip install``, in their order.
    """

    def __init__(self, name: str, steps: list[list[str]]) -> None:
        self.path = ROOT / name
        self.steps = steps
        folder = "Scripts" if os.name == "nt" else "bin"
        self.python = self.path / folder / "python"

    def prepare(self) -> None:
        """Make the environment, or bring it up to date.

        Raises:
            SetupError: If that fails.
        """
        stamp = self.path / STAMP
        wanted = self._fingerprint()
        if stamp.is_file() and self._works() and stamp.read_text() == wanted:
            return
        start = time.monotonic()
        say(f"preparing {self.path.name} (once; the packages need a few minutes)")
        if not self._works():
            shutil.rmtree(self.path, ignore_errors=True)
            self._create()
        stamp.unlink(missing_ok=True)
        for number, arguments in enumerate(self.steps, 1):
            say(f"step {number} of {len(self.steps)}: pip install {shorten(arguments)}")
            self._install(arguments, start)
        stamp.write_text(wanted)
        say(f"{self.path.name} is ready after {time.monotonic() - start:.0f} s")

    def run(
        self, arguments: list[str], output: IO[str] | None = None, **variables: str
    ) -> int:
        """Run a module of the environment from the project's root.

        Args:
            arguments: The arguments of ``python``.
            output: A file for what it prints; None: it is shown at once.
            variables: Environment variables in addition to the present ones; those
                that are set already stay.

        Returns:
            The exit status.
        """
        environment = {**variables, **os.environ}
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=ROOT,
            env=environment,
            check=False,
            stdout=output,
            stderr=output and subprocess.STDOUT,
        ).returncode

    def _fingerprint(self) -> str:
        """Hash everything that the content of the environment depends on."""
        digest = hashlib.sha256(repr((self.steps, str(ROOT))).encode())
        for name in INPUTS:
            digest.update((ROOT / name).read_bytes())
        return f"{sys.version_info[0]}.{sys.version_info[1]} {digest.hexdigest()}\n"

    def _works(self) -> bool:
        if not self.python.exists():
            return False
        code = "import pip, sys; print(sys.prefix, *sys.version_info[:2])"
        try:
            done = subprocess.run(
                [str(self.python), "-c", code],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError:
            return False
        # A moved folder or another Python asks for a new environment.
        expected = f"{self.path} {sys.version_info[0]} {sys.version_info[1]}"
        return done.returncode == 0 and done.stdout.strip() == expected

    def _create(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "venv", str(self.path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(self.path, ignore_errors=True)
            detail = (done.stderr or done.stdout).strip()
            raise SetupError(
                f"python -m venv failed. On Debian and Ubuntu it is in the package "
                f"python{sys.version_info[0]}.{sys.version_info[1]}-venv.\n{detail}"
            )

    def _install(self, arguments: list[str], start: float) -> None:
        """Run pip, show what it is doing, and explain its failures."""
        command = [
            *(str(self.python), "-m", "pip", "install"),
            *("--disable-pip-version-check", "--progress-bar", "off"),
            *arguments,
        ]
        variables = {**os.environ, "PYTHONUNBUFFERED": "1"}
        lines = []
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                lines.append(line.rstrip())
                if line.strip().startswith(SHOWN_STEPS):
                    elapsed = time.monotonic() - start
                    say(f"{elapsed:5.0f} s  {line.strip().split(',')[0][:88]}")
        if process.returncode:
            raise SetupError(explain("\n".join(lines)))


def explain(output: str) -> str:
    """Explain a failure of pip.

    Args:
        output: The output of pip.

    Returns:
        The cause and the remedy, then the end of the output.
    """
    end = "\n".join(output.splitlines()[-12:])
    if any(words in output for words in NO_NETWORK):
        reason = "pip cannot reach its package index; check the network or the proxy"
    elif "No space left on device" in output:
        reason = f"the disk of {ROOT} is full; the packages need a few GB"
    elif "No matching distribution" in output:
        version = ".".join(map(str, sys.version_info[:2]))
        reason = (
            f"a package has no release for Python {version} on this machine; "
            f"Python 3.10, 3.11 and 3.12 are tested"
        )
    else:
        reason = "pip failed"
    return f"{reason}. The end of its output:\n\n{end}"


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    print(f"[dev] {text}", flush=True)


def shorten(arguments: list[str]) -> str:
    """Name the arguments of pip without the folders of files."""
    return " ".join(Path(a).name if os.sep in a else a for a in arguments)
