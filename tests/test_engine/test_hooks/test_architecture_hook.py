import pytest
from plain_configs import draw_images, plain_config

from mmseg_semisup.composition import compose
from mmseg_semisup.core.errors import CheckpointError
from mmseg_semisup.engine.runner import build_runner


def test_a_test_of_the_classes_in_another_order_is_refused(tmp_path):
    draw_images(tmp_path / "data")
    cfg = compose(plain_config(tmp_path / "data", iters=2), "supervised")
    cfg.work_dir = str(tmp_path / "out")
    build_runner(cfg, strict=False).train()
    cfg.load_from = str(tmp_path / "out/iter_2.pth")
    assert "mIoU" in build_runner(cfg, strict=True).test()
    classes = cfg.test_dataloader.dataset.classes
    cfg.test_dataloader.dataset.classes = list(reversed(classes))
    first, second = classes
    message = (
        f"in the order {first}, {second}, and test_dataloader .* {second}, {first}"
    )
    with pytest.raises(CheckpointError, match=message):
        build_runner(cfg, strict=True).test()
