"""Losses and gradients that are no numbers stop a training before its weights move."""

from __future__ import annotations

import copy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import batch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.model import BaseModel, MMDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from mmseg.registry import HOOKS, MODELS
from processes import in_two_processes

from mmseg_semisup.cli.launch import run_tool
from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.engine.nonfinite import NumbersError, all_finite, poisoned
from test_engine.test_optim import build_model, optimizers, trained

BAD = [float("nan"), float("inf"), float("-inf")]


def test_a_finite_loss_keeps_its_value_and_gradients():
    for number in (0.0, -3.5, 1e38, 1e-45):
        leaf = torch.tensor(number, requires_grad=True)
        found = poisoned(leaf)
        found.backward()
        assert found.item() == leaf.item()
        assert leaf.grad.item() == 1


@pytest.mark.parametrize("number", BAD)
def test_a_loss_that_is_not_finite_poisons_all_gradients(number):
    """Also that of a part whose own loss is right."""
    first, second = (torch.ones(2, requires_grad=True) for _ in range(2))
    poisoned(first.sum() + second.sum() * 0 + number).backward()
    assert first.grad.isnan().all()
    assert second.grad.isnan().all()


@pytest.mark.parametrize("number", BAD)
def test_one_number_among_many_is_found(number):
    tensors = [torch.full((3, 5), 1e30), torch.zeros(0), torch.ones(7).bfloat16()]
    assert all_finite(tensors)
    assert all_finite([])
    tensors[0][1, 2] = number
    assert not all_finite(tensors)


class Toy(BaseModel):
    """Two networks; ``trouble`` says which iteration and which loss goes wrong."""

    def __init__(self, trouble: tuple[int, str] = (-1, "")) -> None:
        super().__init__()
        self.segmentor = torch.nn.Linear(2, 2)
        self.discriminator = torch.nn.Linear(2, 1)
        self.trouble = trouble
        self.count = 0

    def forward(self, inputs, data_samples=None, mode="loss"):
        # The workers of a training stack them; a step of a test has them one by one.
        features = self.segmentor(torch.stack(tuple(inputs["labeled"])))
        scores = self.discriminator(features)
        losses = {
            "labeled.loss_ce": features.square().mean(),
            "discriminator.loss_d": scores.square().mean(),
            "discriminator.fake": scores.mean(),
        }
        now, kind = self.trouble
        if self.count == now and kind == "gradient":
            # The root of zero: a finite value, an infinite slope.
            zero = (features * 0).sum() + self.segmentor.bias.sum() * 0
            losses["labeled.loss_root"] = zero.clamp(min=0).sqrt() * 0 + zero.sqrt()
        elif self.count == now:
            losses[kind] = losses[kind] * float("nan")
        self.count += 1
        return losses


MODELS.register_module(name="NumbersToy", module=Toy, force=True)


class Images(torch.utils.data.Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, index):
        sample = BaseDataElement(metainfo={"img_path": f"photo_{index}.jpg"})
        return {
            "inputs": {"labeled": torch.full((2,), 0.1 * index)},
            "data_samples": {"labeled": sample},
        }


def joint(model, **changes):
    cfg = {
        "constructor": "JointOptimWrapperConstructor",
        "segmentor": {"optimizer": {"type": "SGD", "lr": 0.1, "momentum": 0.9}},
        "discriminator": {"optimizer": {"type": "Adam", "lr": 0.1}},
    }
    return build_optim_wrapper(model, {**cfg, **changes})


def toy_runner(folder: Path, trouble: tuple[int, str], **options) -> Runner:
    model = Toy(trouble)
    return Runner(
        model=model,
        work_dir=str(folder),
        train_dataloader={
            "dataset": Images(),
            "sampler": {"type": "InfiniteSampler", "shuffle": False},
            "batch_size": 2,
            "collate_fn": {"type": "branch_collate"},
        },
        train_cfg={"type": "IterBasedTrainLoop", "max_iters": 6},
        optim_wrapper=joint(model, **options),
        default_hooks={
            "runtime_info": {"type": "DeferredInfoHook"},
            "checkpoint": {
                "type": "AtomicCheckpointHook",
                "by_epoch": False,
                "interval": 2,
                "max_keep_ckpts": 1,
                "save_last": False,
            },
        },
        custom_hooks=[{"type": "NumbersHook"}],
        default_scope="mmseg",
        experiment_name=str(folder),
        log_level="ERROR",
    )


@pytest.fixture
def _quick(monkeypatch):
    monkeypatch.setattr("mmengine.runner.runner.collect_env", dict)


@pytest.mark.usefixtures("_quick", "safe_checkpoints")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("loss", ["labeled.loss_ce", "discriminator.loss_d"])
def test_a_loss_that_is_nan_stops_the_step(tmp_path, loss, precision):
    runner = toy_runner(tmp_path, (2, loss), precision=precision)
    message = (
        f"stopped in iteration 3 before any optimizer moved: the loss {loss} is nan. "
        "Images of the batch: labeled: photo_4.jpg, photo_5.jpg. The last checkpoint "
        rf"is .*iter_2\.pth\. .*clip"
    )
    with pytest.raises(NumbersError, match=message):
        runner.train()
    found = load_checkpoint_file(tmp_path / "iter_2.pth")["state_dict"]
    for name, value in runner.model.state_dict().items():
        assert torch.equal(value, found[name]), name
    files = sorted(path.name for path in tmp_path.glob("*.pth"))
    assert files == ["failed_step.pth", "iter_2.pth"]


@pytest.mark.usefixtures("_quick", "safe_checkpoints")
def test_a_gradient_without_a_bad_loss_stops_the_step(tmp_path):
    runner = toy_runner(tmp_path, (3, "gradient"))
    message = (
        r"all losses are finite, but not the gradients of segmentor\.weight, "
        r"segmentor\.bias\. Images .*photo_6\.jpg, photo_7\.jpg"
    )
    with pytest.raises(NumbersError, match=message):
        runner.train()
    assert runner.model.segmentor.weight.isfinite().all()


@pytest.mark.usefixtures("_quick", "safe_checkpoints")
def test_all_batches_of_an_accumulated_step_are_named(tmp_path):
    runner = toy_runner(tmp_path, (2, "labeled.loss_ce"), accumulative_counts=2)
    with pytest.raises(NumbersError, match="iteration 4 .*photo_4.*photo_7"):
        runner.train()


def test_other_optimizers_are_warned_of():
    lines = []
    runner = SimpleNamespace(
        optim_wrapper=joint(Toy())["segmentor"],
        logger=SimpleNamespace(warning=lines.append),
    )
    hook = HOOKS.build({"type": "NumbersHook"})
    hook.before_train(runner)
    hook.before_train_iter(runner, 0, {})
    hook.after_train(runner)
    assert "its optimizers are a OptimWrapper" in lines[0]
    with pytest.raises(ValueError, match="lowest_scale=0"):
        HOOKS.build({"type": "NumbersHook", "lowest_scale": 0})


def overflow(model):
    """Finite losses whose gradients float16 cannot hold at any large loss scale."""
    return total(model) * 1e36


def total(model):
    return sum(p.sum() for p in model.parameters())


def test_float16_skips_what_overflows_and_says_when_that_is_no_excuse():
    model = Toy()
    wrapper = joint(model, precision="float16")
    before = copy.deepcopy(model.state_dict())
    scale = wrapper.scaler.get_scale()
    for _ in range(2):
        wrapper.update_params(overflow(model))
    assert wrapper.scaler.get_scale() == scale / 4
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    wrapper.watch.lowest_scale = scale / 8
    wrapper.update_params(overflow(model))
    with pytest.raises(NumbersError, match=r"parameter \(2, 2\), .* even"):
        wrapper.update_params(overflow(model))


def test_float16_moves_again_after_a_skipped_step():
    model = Toy()
    wrapper = joint(model, precision="float16")
    wrapper.update_params(overflow(model))
    before = model.segmentor.weight.detach().clone()
    wrapper.update_params(total(model))
    assert not torch.equal(model.segmentor.weight, before)


def test_every_method_part_stops_before_it_moves():
    """The project's own model: student, discriminator, and two branches."""
    model = build_model()
    wrapper = optimizers(model)
    model.train().train_step(batch(), wrapper)
    before = {n: p.clone() for n, p in trained(model).items()}
    states = copy.deepcopy(wrapper.state_dict())
    data = batch(seed=1)
    with torch.no_grad():
        model.objectives[0].discriminator.classifier.bias.fill_(float("inf"))
    before["objectives.adversarial.discriminator.classifier.bias"].fill_(float("inf"))
    with pytest.raises(NumbersError, match="before any optimizer moved"):
        model.train_step(data, wrapper)
    for name, value in trained(model).items():
        assert torch.equal(value, before[name]), name
    for name, state in wrapper.state_dict().items():
        for key, values in state["state"].items():
            for kind, value in values.items():
                assert torch.equal(value, states[name]["state"][key][kind])


CASES = [
    ("labeled.loss_ce", "float32"),
    ("labeled.loss_ce", "float16"),
    ("gradient", "float32"),
]


def train_with_trouble(
    rank: int, folder: Path, kind: str, precision: str
) -> tuple[str, dict]:
    """Trouble in process 1 only; how training ended in this one, and its weights."""
    torch.manual_seed(0)
    model = Toy((2, kind) if rank == 1 else (-1, ""))
    wrapper = joint(model, precision=precision)
    ddp = MMDistributedDataParallel(
        model, broadcast_buffers=False, find_unused_parameters=False
    )
    hook = HOOKS.build({"type": "NumbersHook"})
    runner = SimpleNamespace(
        model=ddp,
        optim_wrapper=wrapper,
        hooks=[],
        iter=0,
        cfg=Config({"model": {}}),
        work_dir=str(folder / f"{kind}_{precision}"),
        message_hub=MessageHub.get_current_instance(),
    )
    hook.before_train(runner)
    data = Images()
    try:
        for runner.iter in range(4):
            samples = [data[2 * rank], data[2 * rank + 1]]
            loaded = {
                key: {"labeled": [s[key]["labeled"] for s in samples]}
                for key in ("inputs", "data_samples")
            }
            hook.before_train_iter(runner, runner.iter, loaded)
            ddp.train_step(loaded, wrapper)
    except NumbersError as error:
        return str(error), model.state_dict()
    return "finished", model.state_dict()


def train_with_troubles(rank: int, folder: Path) -> list[tuple[str, dict]]:
    return [train_with_trouble(rank, folder, *case) for case in CASES]


def test_two_processes_stop_together(tmp_path):
    found = in_two_processes(train_with_troubles, tmp_path)
    for (kind, precision), (first, weights), (second, others) in zip(
        CASES, *found, strict=True
    ):
        assert first == second
        assert "stopped in iteration 3 before any optimizer moved" in first
        assert "photo_2.jpg, photo_3.jpg" in first
        saved = load_checkpoint_file(tmp_path / f"{kind}_{precision}/failed_step.pth")
        names = [
            [
                sample["metainfo"]["img_path"]
                for sample in process["passes"][0]["batch"]["data_samples"]["labeled"]
            ]
            for process in saved["processes"]
        ]
        assert names == [
            ["photo_0.jpg", "photo_1.jpg"],
            ["photo_2.jpg", "photo_3.jpg"],
        ]
        if kind == "gradient":
            assert "finite, but not the gradients of segmentor.weight" in first
        else:
            assert "the loss labeled.loss_ce is nan" in first
            assert "photo_0.jpg" not in first
        for name, value in weights.items():
            assert torch.equal(value, others[name])
            assert value.isfinite().all()


def test_a_tool_ends_with_one_message():
    def tool() -> None:
        raise NumbersError("training stopped in iteration 3")

    with pytest.raises(SystemExit) as caught:
        run_tool(tool)
    assert caught.value.code == "error: training stopped in iteration 3"
