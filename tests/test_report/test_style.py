"""The page in a real browser: light and dark, wide and narrow."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from mmseg_semisup.report.page import write_report
from mmseg_semisup.report.style import STYLE

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for path in map(shutil.which, NAMES) if path), None)
DARK = "--blink-settings=preferredColorScheme=0"


def test_the_style_sheet_is_balanced():
    assert STYLE.count("{") == STYLE.count("}")
    assert "{{" not in STYLE
    assert "http" not in STYLE


@pytest.fixture
def screenshot(make_run, tmp_path):
    """Shows a report in a browser without a window; returns (H, W, 3), uint8."""
    page = write_report(make_run(warnings=["one"]))

    def take(width: int, *options: str) -> np.ndarray:
        out = tmp_path / "page.png"
        command = [
            *(BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu"),
            f"--user-data-dir={tmp_path / 'browser'}",
            *(f"--window-size={width},1600", "--hide-scrollbars"),
            *(f"--screenshot={out}", *options, page.as_uri()),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        return np.asarray(Image.open(out).convert("RGB"))

    return take


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="there is no chromium")
def test_a_browser_shows_the_page(screenshot):
    light, dark, narrow = screenshot(1200), screenshot(1200, DARK), screenshot(500)
    for picture, paper in ((light, 251), (dark, 20), (narrow, 251)):
        assert abs(int(picture[2, 2, 0]) - paper) < 3
        # Text and curves on it, down to its end.
        rows = (abs(picture.astype(int) - picture[2, 2]) > 60).any(axis=(1, 2))
        assert rows.mean() > 0.2
        # Nothing sticks out at the right.
        assert np.ptp(picture[:, -3:].astype(int), axis=(0, 1)).max() < 3
