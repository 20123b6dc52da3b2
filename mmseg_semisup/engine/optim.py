"""One wrapper for several optimizers that share a forward and a backward pass.

The published adversarial methods update generator and discriminator together at the end
of an iteration. So all losses are summed, one backward pass fills the gradients of all
networks, and then every optimizer takes its step. The losses themselves stop the
gradients between generator and discriminator.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any

import torch
import torch.nn as nn
from mmengine.logging import print_log
from mmengine.optim import OptimWrapper, OptimWrapperDict, build_optim_wrapper
from mmseg.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIM_WRAPPERS, OPTIMIZERS
from torch import Tensor

from mmseg_semisup.core.config_types import type_of
from mmseg_semisup.core.mistakes import one_line, unknown_type

from .deferred_check import DeferredCheck, can_defer
from .nonfinite import NumbersWatch, all_finite, not_finite, poisoned
from .param_groups import fused_settings, merge_groups, prepare_fused, regrouped
from .trained_parts import divide

PRECISIONS = {
    "float32": None,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
LOSS_SCALER = "loss_scaler"


@OPTIM_WRAPPERS.register_module()
class JointOptimWrapper(OptimWrapperDict):
    """Optimizers that share one backward pass, in any precision.

    mmengine's ``OptimWrapperDict`` leaves the update to the model's ``train_step``,
    which ``MMDistributedDataParallel`` never calls; its ``AmpOptimWrapper`` refuses a
    CPU and would scale the one loss once for each optimizer.

    A step with losses or gradients that are not finite moves no optimizer and raises.
    For this check the host waits for the device once, after the backward pass; with
    float16 it waits there anyway. With ``deferred``, fused steps on a GPU check without
    that wait: the device skips such a step, and the next one, or :meth:`settle`,
    raises.

    Parameters with equal settings share a group, see :mod:`.param_groups`.

    Args:
        precision: 'float32', 'bfloat16' or 'float16'; the latter scales the loss.
        optim_wrappers: Name to mmengine's ``OptimWrapper``, all with the same
            ``accumulative_counts``.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self, precision: str = "float32", **optim_wrappers: OptimWrapper
    ) -> None:
        super().__init__(**optim_wrappers)
        if precision not in PRECISIONS:
            raise ValueError(
                f"optim_wrapper.precision={precision!r}; allowed: {list(PRECISIONS)}"
            )
        counts = {w._accumulative_counts for w in optim_wrappers.values()}
        if len(counts) != 1:
            raise ValueError(
                f"optimizers with different accumulative_counts: {sorted(counts)}"
            )
        self.precision = precision
        self.dtype = PRECISIONS[precision]
        self._lead = next(iter(optim_wrappers.values()))
        parameter = self._lead.optimizer.param_groups[0]["params"][0]
        self.device = parameter.device.type
        self.scaler = torch.amp.GradScaler(
            self.device, enabled=self.dtype is torch.float16
        )
        self.watch = NumbersWatch()
        self.deferred = False
        self._check: DeferredCheck | None = None
        self.groupings = {
            name: merge_groups(wrapper.optimizer)
            for name, wrapper in optim_wrappers.items()
        }
        for wrapper in optim_wrappers.values():
            wrapper.optimizer.register_step_pre_hook(prepare_fused)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Set the precision; exchange no gradients in a step that only accumulates."""
        no_sync: Any = getattr(model, "no_sync", None)
        with ExitStack() as stack:
            if not self._lead.should_sync() and no_sync is not None:
                stack.enter_context(no_sync())
            if self.dtype is not None:
                stack.enter_context(torch.autocast(self.device, dtype=self.dtype))
            yield

    def update_params(
        self,
        loss: Tensor,
        step_kwargs: dict[str, Any] | None = None,
        zero_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Run a backward pass, and step all optimizers unless gradients accumulate."""
        self.backward(self._lead.scale_loss(loss))
        if self.should_update():
            self.step(**(step_kwargs or {}))
            self.zero_grad(**(zero_kwargs or {}))

    def backward(self, loss: Tensor, **kwargs: Any) -> None:
        """Fill the gradients of all networks; with NaN, if the loss is not finite."""
        self.scaler.scale(poisoned(loss)).backward(**kwargs)
        for wrapper in self.optim_wrappers.values():
            wrapper._inner_count += 1

    def step(self, **kwargs: Any) -> None:
        """Clip and step each optimizer; with float16, skip those that overflowed.

        Raises:
            NumbersError: If a loss or gradient is not finite for another reason than
                overflow; no optimizer has moved then.
        """
        self.settle()
        scaled = self.scaler.is_enabled()
        optimizers = [w.optimizer for w in self.optim_wrappers.values()]
        if self.deferred and not scaled and can_defer(optimizers):
            self._check = DeferredCheck(self._parameters(), self.watch.take())
            with self._check.guarding(optimizers):
                for wrapper in self.optim_wrappers.values():
                    wrapper.step(**kwargs)
            return
        if scaled:
            for wrapper in self.optim_wrappers.values():
                self.scaler.unscale_(wrapper.optimizer)
        self._check_numbers()
        if not scaled:
            for wrapper in self.optim_wrappers.values():
                wrapper.step(**kwargs)
            return
        for wrapper in self.optim_wrappers.values():
            if wrapper.clip_grad_kwargs:
                wrapper._clip_grad()
            self.scaler.step(wrapper.optimizer, **kwargs)
        self.scaler.update()

    def settle(self) -> None:
        """Read the result of a deferred check; all processes call this.

        Raises:
            NumbersError: If a loss or gradient of the last step was not finite; no
                optimizer moved in it.
        """
        check, self._check = self._check, None
        if check is not None:
            check.settle(self.watch)

    def _parameters(self) -> list[Tensor]:
        groups = (w.optimizer.param_groups for w in self.optim_wrappers.values())
        return [p for group in groups for part in group for p in part["params"]]

    def _check_numbers(self) -> None:
        parameters, noted = self._parameters(), self.watch.take()
        if not all_finite([p.grad for p in parameters if p.grad is not None]):
            scale = self.scaler.get_scale() if self.scaler.is_enabled() else None
            self.watch.judge(noted, lambda: not_finite(parameters), scale)
        self.watch.forget(noted)

    def zero_grad(self, **kwargs: Any) -> None:
        """Clear the gradients of all networks."""
        for wrapper in self.optim_wrappers.values():
            wrapper.zero_grad(**kwargs)

    def should_update(self) -> bool:
        """Whether the gradients of the last backward pass complete a step."""
        return self._lead.should_update()

    @property
    def inner_count(self) -> int:
        """Number of backward passes so far."""
        return self._lead.inner_count

    def initialize_count_status(
        self, model: nn.Module, cur_iter: int, max_iters: int
    ) -> None:
        """Initialise the iteration counts of every optimizer."""
        for wrapper in self.optim_wrappers.values():
            wrapper.initialize_count_status(model, cur_iter, max_iters)

    def state_dict(self) -> dict[str, Any]:
        """State of all optimizers and of the loss scale."""
        state = super().state_dict()
        if self.scaler.is_enabled():
            state[LOSS_SCALER] = self.scaler.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore :meth:`state_dict`.

        Raises:
            ValueError: If the state is of other optimizers, or of other parameters.
        """
        state = dict(state_dict)
        scale = state.pop(LOSS_SCALER, None)
        if set(state) != set(self.optim_wrappers):
            raise ValueError(
                f"the checkpoint holds optimizers {sorted(state)}, but the config asks "
                f"for {sorted(self.optim_wrappers)}; resume with the config that the "
                "run was started with, or use load_from to take the weights only"
            )
        super().load_state_dict(
            {
                name: regrouped(part, self.groupings[name], self[name].optimizer)
                for name, part in state.items()
            }
        )
        if scale and self.scaler.is_enabled():
            self.scaler.load_state_dict(scale)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class JointOptimWrapperConstructor:
    """Builds a :class:`JointOptimWrapper` from one config a network.

    The key ``segmentor`` takes every trainable parameter that no other key claims; any
    other key claims the submodules that have its name (``discriminator``)::

        optim_wrapper = dict(
            constructor='JointOptimWrapperConstructor',
            precision='float32', accumulative_counts=1,
            segmentor=dict(optimizer=dict(type='SGD', lr=2.5e-4), paramwise_cfg=...),
            discriminator=dict(optimizer=dict(type='Adam', lr=1e-4)))

    A network's ``constructor`` may be any of mmseg's, e.g.
    ``LayerDecayOptimizerConstructor``: it gets the bare segmentor, and sets the same
    rates as in supervised training. The objectives' networks that no key claims are
    then moved by the same kind of optimizer with its plain rate, under the key
    ``objectives``.

    Args:
        optim_wrapper_cfg: The config above, without ``constructor``.
        paramwise_cfg: Must be None; it belongs into a network's own config.
    """

    def __init__(
        self,
        optim_wrapper_cfg: dict[str, Any],
        paramwise_cfg: dict[str, Any] | None = None,
    ) -> None:
        if paramwise_cfg is not None:
            raise ValueError(
                "optim_wrapper.paramwise_cfg: put it into a network's part, e.g. "
                "optim_wrapper.segmentor.paramwise_cfg"
            )
        cfg = copy.deepcopy(dict(optim_wrapper_cfg))
        cfg.pop("type", None)
        self.precision = cfg.pop("precision", "float32")
        self.accumulative_counts = cfg.pop("accumulative_counts", 1)
        if "segmentor" not in cfg:
            raise ValueError(
                "optim_wrapper needs the key 'segmentor' with its optimizer; found "
                f"{sorted(cfg)}"
            )
        for name, part in cfg.items():
            if not isinstance(part, dict) or "optimizer" not in part:
                raise ValueError(
                    f"optim_wrapper.{name}={part!r}: expected dict(optimizer=...); "
                    "besides networks, the keys are precision and accumulative_counts"
                )
            if type_of(part["optimizer"], OPTIMIZERS) is None:
                kind = str(part["optimizer"].get("type"))
                sentence = unknown_type(kind, OPTIMIZERS.name)
                raise ValueError(f"optim_wrapper.{name}.optimizer: {sentence}")
        self.parts = cfg

    def __call__(self, model: nn.Module) -> JointOptimWrapper:
        """Build the wrapper for a model, bare or inside a distributed one.

        Raises:
            ValueError: If an optimizer cannot be built; the message names its key.
        """
        model = getattr(model, "module", model)
        wrappers = {}
        for part in divide(model, self.parts):
            optimizer = part.cfg["optimizer"]
            kind = type_of(optimizer, OPTIMIZERS)
            cfg = {
                "type": "OptimWrapper",
                "accumulative_counts": self.accumulative_counts,
                **part.cfg,
                "optimizer": fused_settings(kind, optimizer),
            }
            try:
                wrappers[part.name] = _build_quietly(part.name, part.module, cfg)
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"optim_wrapper.{part.name}: {one_line(error)}"
                ) from error
        return JointOptimWrapper(precision=self.precision, **wrappers)


def _build_quietly(name: str, module: nn.Module, cfg: dict[str, Any]) -> OptimWrapper:
    """Build an optimizer; what its constructor prints goes to the log."""
    # mmseg's layer decay prints a line for each parameter.
    with redirect_stdout(io.StringIO()) as printed:
        wrapper: OptimWrapper = build_optim_wrapper(module, cfg)
    if printed.getvalue():
        text = f"Groups of the optimizer {name}:\n{printed.getvalue()}"
        print_log(text, logger="current")
    return wrapper


def step_is_complete(optim_wrapper: OptimWrapper) -> bool:
    """Whether no accumulated gradients wait for their optimizer step.

    Args:
        optim_wrapper: Wrapper of the training, with one optimizer or several.
    """
    return all(wrapper.should_update() for wrapper in _single(optim_wrapper))


def steps_end_with_epochs(optim_wrapper: OptimWrapper, iterations: int) -> bool:
    """Whether every epoch ends with an optimizer step.

    Args:
        optim_wrapper: Wrapper of the training, with one optimizer or several.
        iterations: Iterations of an epoch.
    """
    counts = [wrapper._accumulative_counts for wrapper in _single(optim_wrapper)]
    return all(iterations % count == 0 for count in counts)


def _single(optim_wrapper: OptimWrapper) -> list[OptimWrapper]:
    several = isinstance(optim_wrapper, OptimWrapperDict)
    return list(optim_wrapper.values()) if several else [optim_wrapper]
