"""What a result says of its machine and its code."""

from __future__ import annotations

import re

from mmseg_semisup.core.machine import (
    describe_machine,
    package_versions,
    project_commit,
)


def test_the_project_is_described():
    assert re.fullmatch(r"[0-9a-f]{7,}\+?", project_commit() or "0000000")
    assert "cores of" in describe_machine()
    assert {"torch", "numpy", "python"} <= set(package_versions())
