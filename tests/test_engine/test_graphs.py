"""CUDA graphs: when they are used; a compiler that only traces stands in for them."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmseg.registry import HOOKS
from tiny_methods import build_method, method_batch, optimizers_of
from torch import nn

from mmseg_semisup.benchmark.operations import count_operations
from mmseg_semisup.engine import graphs
from mmseg_semisup.engine.graphs import Graphs, reason_against
from mmseg_semisup.engine.hooks.acceleration_hook import accelerate


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.plain_passes = 0

    def forward(self, images):
        if not torch.compiler.is_compiling():
            self.plain_passes += 1
        return self.conv(images).square()


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Network()
        self.decode_head = nn.Conv2d(4, 2, 1)

    def forward(self, images):
        return self.decode_head(self.backbone(images)).mean()


@pytest.fixture
def lines(monkeypatch):
    found = []
    monkeypatch.setattr(graphs, "print_log", lambda text, **_: found.append(text))
    return found


@pytest.fixture
def _stand_in(monkeypatch):
    monkeypatch.setattr(graphs, "OPTIONS", {"backend": "aot_eager", "dynamic": False})
    monkeypatch.setattr(graphs, "reason_against", lambda parts: "")
    torch._dynamo.reset()


def images(size=8):
    return torch.randn(2, 3, size, size)


def test_without_a_gpu_networks_run_as_they_are(lines):
    model = Model()
    used = accelerate(model, graphs=True)
    assert not used.are_used
    assert lines == ["No CUDA graphs: the networks are on the cpu"]
    model(images())
    assert model.backbone.plain_passes == 1
    used.begin()


def test_several_processes_run_networks_as_they_are(monkeypatch):
    monkeypatch.setattr(graphs, "get_world_size", lambda: 3)
    on_gpu = SimpleNamespace(device=torch.device("cuda"))
    part = SimpleNamespace(parameters=lambda: [on_gpu])
    assert reason_against([part]) == "there are 3 processes, and graphs are for one"
    monkeypatch.setattr(graphs, "get_world_size", lambda: 1)
    assert reason_against([part]) == ""
    assert reason_against([]) == "the networks are on the host"


@pytest.mark.usefixtures("_stand_in")
def test_results_and_names_stay():
    plain = Model()
    model = copy.deepcopy(plain)
    used = accelerate(model, graphs=True)
    assert used.are_used
    assert list(model.state_dict()) == list(plain.state_dict())
    data = images()
    for _ in range(2):
        found, expected = model(data), plain(data)
        torch.testing.assert_close(found, expected)
        found.backward()
        expected.backward()
    assert model.backbone.plain_passes == 0
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.usefixtures("_stand_in")
def test_checkpoints_are_exchanged_and_training_goes_on_alike():
    """Two steps, a checkpoint, and two more, with graphs in any of the halves."""
    data = images()
    start = Model().state_dict()

    def half(state, with_graphs):
        model = Model()
        if with_graphs:
            accelerate(model, graphs=True)
        model.load_state_dict(state["model"])
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        if "optimizer" in state:
            optimizer.load_state_dict(state["optimizer"])
        for _ in range(2):
            optimizer.zero_grad()
            model(data).backward()
            optimizer.step()
        return copy.deepcopy(
            {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        )

    begin = {"model": start}
    expected = half(half(begin, False), False)
    for first, second in ((True, False), (False, True), (True, True)):
        found = half(half(begin, first), second)
        torch.testing.assert_close(found, expected)


@pytest.mark.usefixtures("_stand_in")
def test_the_fifth_shape_ends_it(lines):
    model = Model()
    used = accelerate(model, graphs=True)
    for size in range(8, 12):
        model(images(size))
        with torch.no_grad():
            model(images(size))
    assert used.are_used
    assert model.backbone.plain_passes == 0
    model(images(12))
    model(images(8))
    assert not used.are_used
    assert model.backbone.plain_passes == 2
    assert lines == [
        "No CUDA graphs: Network gets images of more than 4 sizes; crop them in the "
        "pipelines"
    ]


@pytest.mark.usefixtures("_stand_in")
def test_a_validation_runs_networks_as_they_are():
    model = Model()
    hook = HOOKS.build({"type": "AccelerationHook", "graphs": True})
    runner = SimpleNamespace(model=model)
    hook.before_val(runner)
    hook.before_run(runner)
    hook.before_val(runner)
    model(images(33))
    assert model.backbone.plain_passes == 1
    hook.after_val(runner)
    hook.before_train_iter(runner, 0)
    model(images())
    assert model.backbone.plain_passes == 1


@pytest.mark.usefixtures("_stand_in")
def test_a_copy_of_a_network_runs_as_it_is():
    model = Model()
    Graphs([model.backbone])
    twin = copy.deepcopy(model)
    twin(images())
    assert twin.backbone.plain_passes == 1


def test_compile_and_graphs_exclude_each_other():
    with pytest.raises(ValueError, match="graphs=True compiles by itself; leave out"):
        HOOKS.build({"type": "AccelerationHook", "graphs": True, "compile": {}})


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")
@pytest.mark.parametrize(
    "method", ["mean_teacher_cutmix", "adv_semi_seg", "cps", "latent_classes"]
)
def test_a_gpu_replays_what_it_would_compute(method, monkeypatch, lines):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    torch._dynamo.reset()

    def train(replayed):
        model = build_method(method).cuda()
        used = accelerate(model, graphs=replayed)
        wrapper = build_optim_wrapper(model, optimizers_of(model, lr=1e-3))
        torch.manual_seed(0)
        losses = []

        def step():
            if used is not None:
                used.begin()
            values = model.train_step(method_batch(len(losses), 2, 2), wrapper)
            losses.append(
                {name: float(value.detach()) for name, value in values.items()}
            )
            model.follow()

        for _ in range(6):
            step()
        return losses, model.state_dict(), count_operations(step, "cuda").launches

    found, weights, launches = train(True)
    expected, plain, more = train(False)
    assert lines == []
    assert launches < 0.7 * more
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3, abs=1e-3)
    for name, value in plain.items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(
                weights[name].float(), value.float(), rtol=1e-2, atol=1e-3, msg=name
            )
