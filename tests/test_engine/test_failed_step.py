"""The beginnings of steps are recorded at little cost, and written whole or not."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from failed_steps import broken_root, fail, with_root
from mmengine.optim import build_optim_wrapper
from processes import in_two_processes
from tiny_methods import build_method, method_batch, optimizers_of

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.engine.failed_step import FAILED_STEP, StepRecorder


def recorder_of(model, folder: Path) -> StepRecorder:
    return StepRecorder(model, {}, folder, dict)


def buffers_of(model) -> dict:
    parameters = {name for name, _ in model.named_parameters()}
    state = model.state_dict()
    return {k: v.clone() for k, v in state.items() if k not in parameters}


@pytest.mark.parametrize("method", ["context_aware", "latent_classes"])
def test_buffers_and_counters_are_those_from_before_the_step(tmp_path, method):
    """Also those of the second step, for which the copies are used again."""
    model = build_method(method)
    wrapper = build_optim_wrapper(model, optimizers_of(model))
    recorder = recorder_of(model, tmp_path)
    recorder.listen()
    for seed in range(2):
        before = buffers_of(model)
        state = torch.get_rng_state()
        data = method_batch(seed)
        model.train_step(data, wrapper)
        start = recorder.take()
        assert start.buffers.keys() == before.keys()
        for name, value in before.items():
            assert torch.equal(start.buffers[name], value), name
        changed = buffers_of(model)
        assert any(not torch.equal(before[name], changed[name]) for name in before)
        assert start.passes[0].batch is data
        assert torch.equal(start.passes[0].generators["cpu"], state)
        recorder.drop(start)


def test_steps_that_are_judged_later(tmp_path):
    """A beginning that was taken stays, while the next step is recorded."""
    model = build_method("latent_classes")
    recorder = recorder_of(model, tmp_path)
    recorder.listen()
    model.data_preprocessor(method_batch(0), True)
    first = recorder.take()
    kept = {name: value.clone() for name, value in first.buffers.items()}
    with torch.no_grad():
        for value in model.buffers():
            value.add_(1)
    model.data_preprocessor(method_batch(1), True)
    for name, value in kept.items():
        assert torch.equal(first.buffers[name], value)
    assert len(recorder.take().passes) == len(first.passes) == 1
    assert recorder.take().passes == []


def test_only_training_is_recorded(tmp_path):
    model = build_method("supervised")
    recorder = recorder_of(model, tmp_path)
    handle = recorder.listen()
    images = method_batch(0)["inputs"]["labeled"]
    model.data_preprocessor({"inputs": images}, False)
    model.data_preprocessor(data={"inputs": images})
    assert recorder.current.passes == []
    model.data_preprocessor(data=method_batch(0), training=True)
    assert len(recorder.current.passes) == 1
    handle.remove()
    model.data_preprocessor(method_batch(0), True)
    assert len(recorder.current.passes) == 1


def test_a_later_failure_replaces_the_file(tmp_path):
    for _ in range(2):
        path, message = fail(tmp_path, with_root("mean_teacher"), broken_root)
    assert [file.name for file in tmp_path.iterdir()] == [FAILED_STEP]
    megabytes = f"{path.stat().st_size / 1e6:.1f} MB"
    assert f"the file has {megabytes}" in message
    weights = io.BytesIO()
    torch.save(load_checkpoint_file(path)["state_dict"], weights)
    # The rest is the batch, and what the config says.
    assert path.stat().st_size < 1.5e6 + 2 * weights.getbuffer().nbytes


def test_a_disk_without_room(tmp_path):
    (tmp_path / FAILED_STEP).mkdir()
    _, message = fail(tmp_path, with_root("mean_teacher"), broken_root)
    assert "not the gradients of objectives.root.bias" in message
    assert f"cannot be replayed: cannot write {tmp_path / FAILED_STEP}" in message


def fail_in_both(rank: int, folder: Path) -> str:
    return fail(folder, with_root("mean_teacher"), broken_root)[1]


def test_one_file_of_two_processes(tmp_path):
    first, second = in_two_processes(fail_in_both, tmp_path)
    assert first == second
    content = load_checkpoint_file(tmp_path / FAILED_STEP)
    batches = [one["passes"][0]["batch"]["inputs"] for one in content["processes"]]
    assert len(batches) == 2
    assert not torch.equal(batches[0]["labeled"][0], batches[1]["labeled"][0])
