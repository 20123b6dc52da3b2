"""The mean teacher against its definition."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn as nn

from mmseg_semisup.benchmark.operations import count_operations
from mmseg_semisup.models import Teacher


class Network(nn.Module):
    """Weights, batch statistics, and an index table as Swin has one."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.register_buffer("index", torch.arange(10))

    def forward(self, x):
        return self.norm(self.conv(x))


def students(count):
    torch.manual_seed(0)
    network = Network()
    for _ in range(count):
        with torch.no_grad():
            for p in network.parameters():
                p.add_(torch.randn_like(p))
        network.train()(torch.randn(2, 3, 8, 8) * 3)
        yield network


@pytest.mark.parametrize(("ramp", "first"), [(True, 0), ("half", 1)])
def test_equals_the_recursion_with_ramp(ramp, first):
    start = Network()
    teacher = Teacher(start, momentum=0.6, ramp=ramp)
    expected = copy.deepcopy(start.state_dict())
    for t, student in enumerate(students(6), first):
        teacher.update(student)
        m = min(1 - 1 / (t + 1), 0.6)
        for name, value in student.state_dict().items():
            if value.is_floating_point():
                expected[name] = m * expected[name] + (1 - m) * value
    for name, value in teacher.network.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, expected[name], msg=name)
    assert teacher.updates.value == 6


@pytest.mark.parametrize(
    ("updates", "factor"),
    [(0, 0), (1, 0.5), (2, 2 / 3), (249, 0.996), (250, 0.996), (10**6, 0.996)],
)
def test_factors_of_unimatch_v2(updates, factor):
    teacher = Teacher(nn.Linear(1, 1, bias=False), momentum=0.996)
    student = nn.Linear(1, 1, bias=False)
    nn.init.ones_(teacher.network.weight)
    nn.init.zeros_(student.weight)
    teacher.updates.value = updates
    teacher.update(student)
    assert teacher.network.weight.item() == pytest.approx(factor, abs=1e-6)


def test_a_ramp_without_ceiling_is_the_plain_mean():
    start = Network()
    teacher = Teacher(start, momentum=1.0)
    seen = []
    for student in students(5):
        teacher.update(student)
        seen.append(student.conv.weight.detach().clone())
    torch.testing.assert_close(teacher.network.conv.weight, torch.stack(seen).mean(0))


def test_a_ramp_from_a_half_counts_the_start_as_one_update():
    start = Network()
    teacher = Teacher(start, momentum=1.0, ramp="half")
    seen = [start.conv.weight.detach().clone()]
    for student in students(5):
        teacher.update(student)
        seen.append(student.conv.weight.detach().clone())
    torch.testing.assert_close(teacher.network.conv.weight, torch.stack(seen).mean(0))


def test_momentum_by_update():
    teacher = Teacher(Network(), momentum=[(0, 0.0), (2, 1.0)], ramp=False)
    *_, last = students(2)
    teacher.update(last)
    teacher.update(last)
    kept = teacher.network.conv.weight.clone()
    assert torch.equal(kept, last.conv.weight)
    with torch.no_grad():
        last.conv.weight.zero_()
    teacher.update(last)
    assert torch.equal(teacher.network.conv.weight, kept)


@pytest.mark.parametrize("norm", ["ema", "copy", "own"])
def test_integers_are_never_averaged(norm):
    student = Network()
    teacher = Teacher(student, momentum=0.999, ramp=False, norm=norm)
    for _ in range(300):
        teacher.update(student)
    assert torch.equal(teacher.network.index, torch.arange(10))


def test_choices_for_batch_statistics():
    for norm in ("ema", "copy", "own"):
        (student,) = students(1)
        teacher = Teacher(Network(), momentum=0.5, ramp=False, norm=norm)
        teacher.train()
        before = teacher.network.norm.running_mean.clone()
        teacher.update(student)
        after = teacher.network.norm.running_mean.clone()
        theirs = student.norm.running_mean
        expected = {"ema": (before + theirs) / 2, "copy": theirs, "own": before}[norm]
        torch.testing.assert_close(after, expected)
        teacher.network(torch.randn(2, 3, 8, 8))
        moved = not torch.equal(after, teacher.network.norm.running_mean)
        assert moved == (norm == "own")
        assert not teacher.network.conv.training
        teacher.eval()
        assert not teacher.network.norm.training


@pytest.mark.parametrize(("norm", "calls"), [("ema", 2), ("copy", 2), ("own", 1)])
def test_an_update_is_few_calls_whatever_the_number_of_tensors(norm, calls):
    student = nn.Sequential(*(Network() for _ in range(5)))
    teacher = Teacher(student, momentum=0.9, norm=norm)
    teacher.update(student)
    with torch.no_grad():
        found = count_operations(lambda: teacher.update(student), "cpu")
    assert found.calls == calls


def test_replaced_tensors_are_averaged():
    student = Network()
    teacher = Teacher(student, momentum=0.5, ramp=False)
    teacher.update(student)
    student.conv.weight = nn.Parameter(torch.zeros_like(student.conv.weight))
    before = teacher.network.conv.weight.clone()
    teacher.update(student)
    torch.testing.assert_close(teacher.network.conv.weight, before / 2)


def test_a_teacher_never_learns():
    teacher = Teacher(Network(), momentum=0.9)
    assert not any(p.requires_grad for p in teacher.parameters())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"momentum": 1.2}, r"momentum=1\.2; allowed: 0 to 1"),
        ({"momentum": [(5, 0.9)]}, "must ascend from update 0"),
        ({"momentum": 0.9, "norm": "mean"}, "norm='mean'; allowed"),
        ({"momentum": 0.9, "ramp": "third"}, "ramp='third'; allowed"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Teacher(Network(), **arguments)
