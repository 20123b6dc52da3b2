"""The packages that a composed config imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PACKAGE = "mmseg_semisup"


def with_package(stated: Mapping[str, Any] | None) -> dict[str, Any]:
    """Add this package to a config's ``custom_imports``.

    Args:
        stated: The config's; None: it has none.
    """
    imports = (stated or {}).get("imports") or []
    imports = [imports] if isinstance(imports, str) else list(imports)
    names = imports if PACKAGE in imports else [*imports, PACKAGE]
    allowed = bool((stated or {}).get("allow_failed_imports", False))
    return {"imports": names, "allow_failed_imports": allowed}
