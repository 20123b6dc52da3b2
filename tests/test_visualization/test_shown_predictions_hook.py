from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.visualization import Visualizer
from PIL import Image

from mmseg_semisup.visualization import ShownPredictionsHook


@pytest.fixture
def samples(tmp_path):
    """Two images of 16 bits."""
    found = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.png"
        Image.fromarray(np.arange(20, dtype=np.uint16).reshape(4, 5) * 9).save(path)
        found.append(SimpleNamespace(img_path=str(path)))
    return found


@pytest.fixture
def calls(monkeypatch):
    """The names and steps of what hooks paint, and the brightest values."""
    found = []

    def add(name, image, step, **options):
        found.append((name, step, int(image.max())))

    painter = SimpleNamespace(add_datasample=add, _vis_backends={})
    monkeypatch.setattr(Visualizer, "get_current_instance", lambda: painter)
    return found


def test_all_images_of_a_test_are_painted(samples, calls):
    hook = ShownPredictionsHook(draw=True)
    hook.after_test_iter(None, 0, None, samples)
    assert calls == [("test_a.png", 1, 255), ("test_b.png", 2, 255)]


@pytest.mark.parametrize(("iteration", "count"), [(9, 0), (10, 1)])
def test_one_image_of_a_validation_is_painted(samples, calls, iteration, count):
    hook = ShownPredictionsHook(draw=True, interval=5)
    hook.after_val_iter(SimpleNamespace(iter=iteration), 0, None, samples)
    assert calls == [("val_a.png", iteration, 255)][:count]


def test_nothing_is_painted_unless_asked_for(samples, calls):
    hook = ShownPredictionsHook(draw=False)
    hook.after_test_iter(None, 0, None, samples)
    hook.after_val_iter(SimpleNamespace(iter=0), 0, None, samples)
    assert calls == []
