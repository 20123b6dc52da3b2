"""MMSegmentation's IoU, counted on the device."""

import pytest
import torch
from mmseg.evaluation import IoUMetric
from torch.utils._python_dispatch import TorchDispatchMode

from mmseg_semisup.core.errors import DataError
from mmseg_semisup.engine.console import _counted
from mmseg_semisup.evaluation import CountedIoUMetric, counted_iou

WAITS = ("nonzero", "masked_select", "_local_scalar_dense", "index", "bincount")


def predictions(
    classes, ignore, size=(9, 11), count=5, dtype=torch.int64, misfits=True
):
    """Masks and predictions, with ignored pixels and numbers that are no class."""
    torch.manual_seed(classes)
    for index in range(count):
        label = torch.randint(0, classes + 2, size)
        label[label > classes - (not misfits)] = ignore
        label[0, :3] = ignore
        predicted = torch.randint(0, classes + (index == 1), size)
        yield predicted.to(dtype), label


def evaluated(cls, data, classes, **arguments):
    metric = cls(**arguments)
    metric.dataset_meta = {"classes": [str(i) for i in range(classes)]}
    for predicted, label in data:
        sample = {
            "pred_sem_seg": {"data": predicted[None]},
            "gt_sem_seg": {"data": label[None]},
        }
        metric.process({}, [sample])
    return metric.evaluate(len(data))


@pytest.mark.parametrize("classes", [1, 2, 21, 150])
@pytest.mark.parametrize("ignore", [255, 0, -1])
@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_all_scores_are_those_of_mmseg(classes, ignore, dtype):
    data = list(predictions(classes, ignore, dtype=dtype, misfits=classes == 1))
    arguments = {"iou_metrics": ["mIoU", "mDice", "mFscore"], "ignore_index": ignore}
    found, expected = (
        evaluated(cls, data, classes, **arguments)
        for cls in (CountedIoUMetric, IoUMetric)
    )
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=0, nan_ok=True), key


def test_labels_that_are_no_class_are_an_error():
    """mmseg would count them as mistakes, and say nothing."""
    metric = CountedIoUMetric()
    metric.dataset_meta = {"classes": ["a", "b"]}
    predicted, label = torch.zeros(1, 2, 3), torch.zeros(1, 2, 3)
    for name, value in (("good", 255), ("bad\x1b", 2), ("worse", -1)):
        label = label.clone()
        label[0, 0] = value
        sample = {
            "pred_sem_seg": {"data": predicted},
            "gt_sem_seg": {"data": label},
            "seg_map_path": name,
        }
        metric.process({}, [sample])
    message = r"bad\\x1b: 3 pixels .* no class \(0 to 1\) and not 255.*, and in 1 more"
    with pytest.raises(DataError, match=message):
        metric.evaluate(3)


@pytest.mark.parametrize("classes", [2, 150])
def test_all_areas_are_those_of_mmseg(classes):
    for predicted, label in predictions(classes, 255):
        arguments = (predicted.float(), label.float(), classes, 255)
        found = CountedIoUMetric().intersect_and_union(*arguments)
        expected = torch.stack(IoUMetric.intersect_and_union(*arguments))
        assert torch.equal(found, expected)
        assert torch.equal(arguments[0], predicted.float())


class Waits(TorchDispatchMode):
    """Collects the operators for which a host would wait."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        """Run one."""
        name = function.name().partition("::")[2].partition(".")[0]
        if name in WAITS or name.startswith("_to_copy"):
            self.found.append(name)
        return function(*args, **(kwargs or {}))


def test_an_image_is_counted_without_a_wait(monkeypatch):
    predicted, label = next(predictions(21, 255))
    expected = CountedIoUMetric().intersect_and_union(predicted, label, 21, 255)

    def of_a_gpu(numbers, bins):
        return torch.histc(numbers.float(), bins, -0.5, bins - 0.5)

    monkeypatch.setattr(counted_iou, "histogram", of_a_gpu)
    with Waits() as waits:
        found = CountedIoUMetric().intersect_and_union(predicted, label, 21, 255)
    assert set(waits.found) <= {"_to_copy"}  # to float32, on the device
    assert torch.equal(found, expected)
    with Waits() as waits:
        IoUMetric.intersect_and_union(predicted, label, 21, 255)
    assert len(waits.found) > 4


@pytest.mark.parametrize("bins", [4, 46208])
def test_a_gpu_counts_as_a_cpu_does(bins):
    numbers = torch.arange(bins).repeat(2)
    expected = torch.full((bins,), 2)
    assert torch.equal(counted_iou.histogram(numbers, bins), expected)
    found = counted_iou.histogram(numbers.to("meta"), bins)
    assert found.shape == (bins,)
    histc = torch.histc(numbers.float(), bins, -0.5, bins - 0.5)
    assert torch.equal(histc.long(), expected)


@pytest.mark.parametrize("kind", ["IoUMetric", "mmseg.IoUMetric", IoUMetric])
def test_it_replaces_mmsegs_own_only(kind):
    own = {"type": kind, "iou_metrics": ["mIoU"]}
    replaced = {**own, "type": "CountedIoUMetric"}
    assert _counted(own) == replaced
    other = {"type": "CityscapesMetric", "output_dir": "x"}
    assert _counted([own, other]) == [replaced, other]
    assert _counted({"type": "Evaluator", "metrics": []})["type"] == "Evaluator"


def test_nothing_is_computed_where_files_are_only_written(tmp_path):
    metric = CountedIoUMetric(format_only=True, output_dir=str(tmp_path))
    metric.dataset_meta = {"classes": ["a"]}
    image = torch.zeros(1, 2, 3, dtype=torch.int64)
    metric.process({}, [{"pred_sem_seg": {"data": image}, "img_path": "a/b.png"}])
    assert metric.results == []
    assert (tmp_path / "b.png").is_file()
