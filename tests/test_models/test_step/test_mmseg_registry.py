"""A step reads of every network that mmseg registers what the network predicts."""

from __future__ import annotations

import copy

import heads_page
import mmseg_parts
import pytest
import torch
from helpers import sample
from mmcv.cnn.bricks import DropPath
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from mmseg_semisup.models import SegOutput, View
from mmseg_semisup.models.step.joint_pass import run_jointly

CASES = {
    f"{kind}/{name}": case
    for kind, cases in mmseg_parts.KINDS.items()
    for name, case in cases.items()
    if name in mmseg_parts.registered(kind)
}
WORKING = [name for name, case in CASES.items() if not case.refused]
REFUSED = [name for name, case in CASES.items() if case.refused and case.segmentor]


@pytest.mark.parametrize("kind", mmseg_parts.KINDS)
def test_every_part_is_listed(kind):
    assert mmseg_parts.registered(kind) <= set(mmseg_parts.KINDS[kind])


def semi_segmentor(case):
    init_default_scope("mmseg")
    torch.manual_seed(0)
    cfg = {"type": "SemiSegmentor", "teacher": {"momentum": 0.9}}
    with mmseg_parts.stand_ins():
        return MODELS.build({**cfg, "segmentor": case.segmentor})


def without_noise(network):
    for module in network.modules():
        if isinstance(module, (_NormBase, _DropoutNd, DropPath)):
            module.eval()
    return network


def images_and_samples(size, classes):
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, 3, size, size, generator=generator)
    samples = []
    for _ in images:
        labels = torch.randint(classes, (size, size), generator=generator)
        labels[:4] = 255
        samples.append(sample((size, size), labels))
        edges = torch.randint(2, (1, size, size), generator=generator)
        samples[-1].gt_edge_map = PixelData(data=edges)
    return images, samples


@pytest.mark.parametrize("name", WORKING)
def test_step_reads_the_prediction_and_mmsegs_loss(name):
    case = CASES[name]
    model = semi_segmentor(case)
    student, teacher = model.segmentor, model.teacher.network
    images, samples = images_and_samples(case.size, student.num_classes)
    plain = copy.deepcopy(student).eval()
    with torch.no_grad():
        torch.manual_seed(0)
        metas = [dict(each.metainfo) for each in samples]
        expected = plain.encode_decode(images, metas)
        assert expected.std() > 0
        student.eval()
        readers = [student, teacher, without_noise(copy.deepcopy(student).train())]
        for network in readers:
            torch.manual_seed(0)
            found = SegOutput(network, images, grad=False).full_logits
            torch.testing.assert_close(found, expected)
        torch.manual_seed(0)
        views = [View("first", images[:1]), View("second", images[1:])]
        parts = run_jointly(student, views, grad=False)
        found = torch.cat([part.full_logits for part in parts])
        torch.testing.assert_close(found, expected)
    student.train()
    plain = copy.deepcopy(student)
    torch.manual_seed(0)
    losses = SegOutput(student, images).supervised_loss(samples)
    torch.manual_seed(0)
    torch.testing.assert_close(losses, plain.loss(images, samples))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_is_refused_by_name(name):
    kind, part = name.split("/")
    if part == "VPDDepthHead":
        part = "predicts depth"
    with pytest.raises(ValueError, match=part):
        semi_segmentor(CASES[name])


def test_the_page_is_up_to_date():
    if len(CASES) < sum(map(len, mmseg_parts.KINDS.values())):
        pytest.skip("an older mmseg has fewer parts")
    assert heads_page.PAGE.read_text(encoding="utf-8") == heads_page.page()
