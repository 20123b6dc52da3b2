from __future__ import annotations

import copy
import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import PREPROCESSOR, adversarial_objectives, batch, tiny_segmentor
from mmengine.config import Config

from mmseg_semisup.benchmark import crops_images, generate_sources, set_sizes
from mmseg_semisup.benchmark.floor import Floor, record_passes
from mmseg_semisup.benchmark.loader import supervised_dataset
from mmseg_semisup.benchmark.operations import count_operations, count_waits
from mmseg_semisup.benchmark.step import TrainingStep, load_batch
from mmseg_semisup.benchmark.timing import interleave, peak_memory
from mmseg_semisup.core.errors import ConfigError

OPTIMIZERS = dict(
    constructor="JointOptimWrapperConstructor",
    segmentor=dict(optimizer=dict(type="SGD", lr=0.01)),
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-4)),
)


def _step(optimizers: dict = OPTIMIZERS, **changes) -> TrainingStep:
    model = dict(
        type="SemiSegmentor",
        segmentor=tiny_segmentor(),
        objectives=adversarial_objectives(),
        data_preprocessor=PREPROCESSOR,
    )
    train_cfg = dict(max_iters=9)
    cfg = dict(model=model | changes, optim_wrapper=optimizers, train_cfg=train_cfg)
    return TrainingStep.from_config(Config(cfg), batch(), "cpu")


def _recorded(step: TrainingStep) -> list[tuple[str, tuple[str, ...]]]:
    return [(p.name, tuple(p.gradients)) for p in record_passes(step)]


@pytest.mark.slow
def test_the_profiler_prints_nothing():
    """In a process of its own, whose library has not read its level yet."""
    code = (
        "import torch; from mmseg_semisup.benchmark.operations import count_waits; "
        "print(count_waits(lambda: torch.ones(3).nonzero(), 'cpu'))"
    )
    run = [sys.executable, "-c", code]
    found = subprocess.run(run, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "{'aten::nonzero': 1.0}"
    assert "profiler" not in found.stderr


def test_passes_of_adv_semi_seg():
    """The discriminator sees predictions with masks once, for both losses."""
    assert _recorded(_step()) == [
        ("student.backbone", ("weights",)),
        ("student.decode_head", ("weights",)),
        ("student.backbone", ("weights",)),
        ("student.decode_head", ("weights",)),
        ("adversarial.discriminator", ("inputs", "weights")),
        ("adversarial.discriminator", ("inputs",)),
        ("adversarial.discriminator", ("weights",)),
    ]


def test_a_pass_that_two_signals_share_counts_once():
    signal = dict(type="ConsistencyObjective", student_branch="unlabeled", mix="none")
    optimizers = {k: v for k, v in OPTIMIZERS.items() if k != "discriminator"}
    changes = dict(teacher=dict(momentum=0.9), objectives=[signal, signal])
    step = _step(optimizers, **changes)
    assert [item for item in _recorded(step) if item[0].endswith("backbone")] == [
        ("student.backbone", ("weights",)),
        ("teacher.backbone", ()),
        ("student.backbone", ("weights",)),
    ]


def test_the_floor_runs_what_the_step_ran():
    step = _step()
    floor = Floor(step)
    first, discriminator = (
        step.model.segmentor.backbone.conv1,
        step.model.objectives[0].discriminator.features,
    )
    counts = {}
    for name, run in dict(step=step, floor=floor).items():
        calls = []
        hooks = [
            module.register_forward_hook(lambda m, *_, c=calls: c.append(m))
            for module in (first, discriminator)
        ]
        run()
        for hook in hooks:
            hook.remove()
        counts[name] = (calls.count(first), calls.count(discriminator))
    assert counts["step"] == counts["floor"] == (2, 3)


def test_the_floor_changes_nothing():
    step = _step()
    floor = Floor(step)
    before = copy.deepcopy(dict(step.model.named_parameters()))
    modes = [module.training for module in step.model.modules()]
    floor()
    for name, parameter in step.model.named_parameters():
        assert torch.equal(parameter, before[name])
        assert parameter.grad is None
    assert modes == [module.training for module in step.model.modules()]
    assert all(len(times) == 1 and times[0] > 0 for times in floor.times.values())
    assert len(floor.times) == 7


def test_a_step_trains_everything():
    step = _step(teacher=dict(momentum=0.5))
    before = copy.deepcopy(step.model.state_dict())
    step()
    changed = {
        name.split(".")[0]
        for name, value in step.model.state_dict().items()
        if isinstance(value, torch.Tensor) and not torch.equal(value, before[name])
    }
    assert {"segmentor", "teacher", "objectives"} <= changed


def test_shares_of_the_training_are_over():
    """What counts from a share on does, and images with masks are counted."""
    passes = []
    for start in (0, 0.25):
        latent = dict(type="LatentClassObjective", head=dict(num_classes=3))
        weights = dict(labeled=0, unlabeled=start)
        objectives = [*adversarial_objectives(start=weights), dict(latent, start=start)]
        passes.append(_recorded(_step(objectives=objectives)))
    assert passes[0] == passes[1]


def test_waits_are_counted():
    numbers = torch.arange(4.0, requires_grad=True)
    optimizer = torch.optim.Adam([numbers], lr=0.1)

    def wait() -> None:
        numbers.sum().item()
        torch.nonzero(numbers)
        numbers.grad = torch.ones(4)
        optimizer.step()

    waits = count_waits(wait, "cpu")
    assert waits == {"aten::_local_scalar_dense": 1, "aten::nonzero": 1}


def test_operators_on_lists_are_one_call():
    lists = [[torch.ones(3) for _ in range(9)] for _ in range(2)]

    def step() -> None:
        torch._foreach_add_(*lists)
        lists[0][0].relu()

    found = count_operations(step, "cpu")
    assert (found.calls, found.launches, found.waits) == (3, 0, {})


def test_no_wait_is_added_to_mmseg():
    step = _step()
    cfg = Config(dict(model=dict(segmentor=tiny_segmentor())))
    cfg.model.data_preprocessor = PREPROCESSOR
    mmseg_step = TrainingStep.of_mmseg(cfg, step.batch, "cpu")
    own, others = count_waits(step, "cpu"), count_waits(mmseg_step, "cpu")
    # Whether the gradients are finite must be known before the optimizers step.
    assert own == {"aten::_local_scalar_dense": 1}
    assert sum(others.values()) == 2


def test_functions_are_timed_in_turn():
    calls: list[str] = []
    runs = {name: lambda name=name: calls.append(name) for name in "ab"}
    times = interleave(runs, repeats=2, warmup=1, device="cpu")
    assert calls == ["a", "b"] * 3
    assert [len(times[name].wall) for name in "ab"] == [2, 2]


def test_peak_memory_sees_what_is_given_back():
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("needs Linux")
    with peak_memory("cpu") as peak:
        torch.ones(50_000_000)
        assert 150 < peak() < 400


def test_sizes(training):
    cfg = Config.fromfile(training)
    set_sizes(cfg, batch=6, crop=8)
    sources = cfg.train_dataloader.dataset.sources
    crops = [
        sources[n].pipeline[i].crop_size for n, i in (("labeled", 2), ("unlabeled", 1))
    ]
    assert crops == [(8, 8), (8, 8)]
    assert cfg.train_dataloader.batch_size == 6
    cfg.train_dataloader = dict(dataset=dict(type="Other"))
    with pytest.raises(ConfigError, match="no RandomCrop"):
        set_sizes(cfg, None, 8)
    with pytest.raises(ConfigError, match="SemiDataset"):
        generate_sources(cfg, "folder")


def test_tool_without_data(run_tool, training, tmp_path, capsys, monkeypatch):
    training.write_text(training.read_text().replace("/data'", "/nowhere'"))
    monkeypatch.setattr("mmseg_semisup.benchmark.loader.SAMPLES", 4)
    clock = itertools.count(0, 0.001).__next__
    ticks = SimpleNamespace(perf_counter=clock, process_time=time.process_time)
    monkeypatch.setattr("mmseg_semisup.benchmark.timing.time", ticks)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    options = "--synthetic --repeats 2 --warmup 1 --threads 1 --loader-seconds 0.05"
    options += " --cfg-options env_cfg.cudnn_benchmark=True"
    report = tmp_path / "report.json"
    run_tool("benchmark.py", training, "--json", report, *options.split())
    assert torch.backends.cudnn.benchmark  # as in a training of this config
    result = json.loads(report.read_text())
    assert result["batch"] == dict(labeled=[2, 3, 16, 16], unlabeled=[2, 3, 16, 16])
    assert result["ratio"] == pytest.approx(result["step_ms"] / result["floor_ms"])
    # One tick a step, and in the floor two and one a pass.
    passes = result["passes_ms"]
    assert list(passes.values()) == pytest.approx([1] * len(passes))
    assert result["step_ms"] == pytest.approx(1)
    assert result["floor_ms"] == pytest.approx(2 * len(passes) + 1)
    assert result["loading"]["views"] == dict(labeled=1, unlabeled=1)
    assert min(result["loading"]["samples_per_second"].values()) > 0
    calls = {name: part["calls"] for name, part in result["operations"].items()}
    assert result["calls_ratio"] == calls["step"] / calls["floor"] > 1
    text = capsys.readouterr().out
    assert f"calls of operators  {calls['step']:9.0f} a step   floor " in text
    assert f"ratio               {result['ratio']:9.3f}" in text


def test_loading_is_compared_with_mmseg_alone(training):
    cfg = Config.fromfile(training)
    labeled = cfg.train_dataloader.dataset.sources.labeled
    assert supervised_dataset(cfg, (16, 16)) == labeled
    views = dict(labeled=[labeled.pipeline[-1]])
    labeled.pipeline[-1] = dict(type="MultiView", shared=[], views=views)
    pipeline = supervised_dataset(cfg, (16, 24))["pipeline"]
    assert [step["type"] for step in pipeline][-2:] == [
        "PhotoMetricDistortion",
        "PackSegInputs",
    ]
    assert pipeline[3]["crop_size"] == (16, 24)


def test_generated_images_of_a_config_that_does_not_crop(training, tmp_path):
    cfg = Config.fromfile(training)
    for source in cfg.train_dataloader.dataset.sources.values():
        source.pipeline = [t for t in source.pipeline if t.type != "RandomCrop"]
    assert not crops_images(cfg)
    generate_sources(cfg, tmp_path / "generated", size=(16, 24))
    shapes = {
        name: images[0].shape for name, images in load_batch(cfg)["inputs"].items()
    }
    assert shapes == dict(labeled=(3, 16, 24), unlabeled=(3, 16, 24))
