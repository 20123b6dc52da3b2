"""How samples become batches."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_semisup.datasets import branch_collate
from mmseg_semisup.datasets.collate import narrowed, shallow, widened


def sample(branch, image):
    return {"inputs": {branch: image}, "data_samples": {branch: SegDataSample()}}


def image(height, value, dtype=torch.uint8):
    return torch.full((3, height, 5), value, dtype=dtype)


def test_a_branch_of_one_size_is_one_tensor_in_order():
    batch = branch_collate([sample("a", image(4, i)) for i in range(3)])
    assert batch["inputs"]["a"].shape == (3, 3, 4, 5)
    assert batch["inputs"]["a"].dtype == torch.uint8
    assert batch["inputs"]["a"][:, 0, 0, 0].tolist() == [0, 1, 2]
    assert len(batch["data_samples"]["a"]) == 3


@pytest.mark.parametrize("other", [image(6, 1), image(4, 1, torch.float32), "none"])
def test_what_differs_stays_a_list(other):
    batch = branch_collate([sample("a", image(4, 0)), sample("a", other)])
    assert isinstance(batch["inputs"]["a"], list)
    assert batch["inputs"]["a"][1] is other


def test_branches_are_stacked_each_by_itself():
    parts = [sample("a", image(4, 0)), sample("b", image(6, 1))]
    batch = branch_collate([*parts, *parts])
    assert {n: x.shape[2] for n, x in batch["inputs"].items()} == {"a": 4, "b": 6}


def test_fields_of_a_shallow_copy_are_its_own():
    whole = SegDataSample(metainfo={"img_path": "x"})
    whole.gt_sem_seg = PixelData(data=torch.zeros(1, 2, 2))
    other = shallow(whole)
    assert other.gt_sem_seg is whole.gt_sem_seg
    other.pred_sem_seg = PixelData(data=torch.ones(1, 2, 2))
    other.set_metainfo({"more": 1})
    assert "pred_sem_seg" not in whole
    assert "more" not in whole.metainfo
    assert other.metainfo["img_path"] == "x"


def labelled(*values, dtype=torch.int64):
    whole = SegDataSample()
    whole.gt_sem_seg = PixelData(data=torch.tensor([[values]], dtype=dtype))
    return whole


def test_labels_travel_as_bytes():
    batch = branch_collate(
        [{"inputs": {"a": image(1, 0)}, "data_samples": {"a": labelled(0, 3, 255)}}] * 2
    )
    for found in batch["data_samples"]["a"]:
        assert found.gt_sem_seg.data.dtype == torch.uint8
    for found in widened(batch["data_samples"]["a"]):
        assert found.gt_sem_seg.data.dtype == torch.int64
        assert found.gt_sem_seg.data.tolist() == [[[0, 3, 255]]]


@pytest.mark.parametrize("values", [(0, 256), (-1, 3), (2**40,)])
def test_labels_that_are_no_bytes_stay(values):
    given = labelled(*values)
    assert narrowed([given]) == [given]
    assert widened(narrowed([given]))[0].gt_sem_seg.data.tolist() == [[[*values]]]


def test_only_label_maps_change():
    given = labelled(0, 1)
    given.gt_depth_map = PixelData(data=torch.tensor([[[1, 2]]]))
    given.gt_edge_map = PixelData(data=torch.tensor([[[0, 1]]]), more=torch.zeros(1, 2))
    (found,) = narrowed([given])
    assert found.gt_depth_map is given.gt_depth_map
    assert found.gt_edge_map is given.gt_edge_map
    assert found.gt_sem_seg.data.dtype == torch.uint8
    assert given.gt_sem_seg.data.dtype == torch.int64
    assert (
        narrowed([labelled(0.5, dtype=torch.float32)])[0].gt_sem_seg.data.max() == 0.5
    )
