"""Follows all operators of a step, and where their results stop being finite."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mmseg_semisup.models.step import SegOutput, View

UNSET = ("empty", "new_empty", "resize", "set_")
"""Beginnings of names of operators whose results hold anything yet."""
OWN_FOLDER = os.path.dirname(__file__)
TORCH = os.path.dirname(torch.__file__)
ROOTS = tuple(
    os.path.join(folder, "")
    for folder in (os.path.dirname(os.path.dirname(OWN_FOLDER)), os.path.dirname(TORCH))
)
"""Folders of packages; names of files are shown from there on."""


class Place(NamedTuple):
    """Where in the model's code an operator was called.

    Attributes:
        module: Path of the innermost module, or an empty string.
        source: File, line and function of the innermost statement.
        images: The images that a network was working on, (N, 3, H, W); None: unknown.
    """

    module: str
    source: str
    images: Tensor | None


@dataclass(eq=False)
class Event:
    """An operator whose result is not finite, in a way that its inputs are not.

    Attributes:
        number: Position among the events.
        phase: 'forward' or 'backward'.
        turn: Number of the pass, of a step with accumulated gradients.
        operator: Its name, e.g. ``aten.log``.
        node: Of the backward pass, the name of the function that is derived.
        place: Where it was called; in the backward pass, where its forward was.
        result: What it gave.
        inputs: What it got.
        turns_nan: Whether the inputs were infinite already, and the result is NaN.
        cause: The event that made the inputs infinite.
    """

    number: int
    phase: str
    turn: int
    operator: str
    node: str
    place: Place
    result: Tensor
    inputs: list[Tensor]
    turns_nan: bool = False
    cause: Event | None = None

    @property
    def first(self) -> Event:
        """Where the chain of causes begins."""
        return self if self.cause is None else self.cause.first


class Trace(TorchDispatchMode):
    """Records events, and which tensors come from which.

    Attributes:
        events: In order.
        phase: 'forward' or 'backward'.
        turn: Number of the pass.
        batch: The storages of the preprocessed images of a batch.

    Args:
        model: The model, whose modules have paths.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.events: list[Event] = []
        self.phase = "forward"
        self.turn = 0
        self.batch: set[StorageWeakRef] = set()
        self._paths = {id(module): path for path, module in model.named_modules()}
        self._origins: dict[StorageWeakRef, Event] = {}
        # The number of a function in the graph, to where the forward called it.
        self._places: dict[int, Place] = {}

    def origin(self, tensor: Tensor) -> Event | None:
        """The event that a tensor's NaN or infinity comes from; None if unknown."""
        return self._origins.get(StorageWeakRef(tensor.untyped_storage()))

    def note(self, tensor: Tensor, what: str, images: Tensor | None = None) -> None:
        """Record a tensor that the step begins with, if it is not finite.

        Args:
            tensor: The tensor.
            what: Its name.
            images: The images that it belongs to.
        """
        if is_float(tensor) and not is_finite(tensor):
            place = Place(what, "", images)
            self._add("", "", place, tensor, [], None)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operator, and compare its inputs and results."""
        kwargs = kwargs or {}
        inputs = [x for x in tree_leaves((args, kwargs)) if is_float(x)]
        backward = self.phase == "backward"
        if not backward and torch.is_grad_enabled():
            # A function of the graph gets its number before its operator runs.
            number = torch.autograd._get_sequence_nr() - 1  # type: ignore[attr-defined]
            self._places[number] = self._place()
        before = [x.clone() for x in inputs] if func._schema.is_mutable else inputs
        tainted = [self.origin(x) for x in inputs]
        results = func(*args, **kwargs)
        name = str(func).rpartition(".")[0]
        if name.partition(".")[2].startswith(UNSET):
            return results
        known = {StorageWeakRef(x.untyped_storage()) for x in inputs}
        for result in tree_leaves(results):
            if not is_float(result):
                continue
            storage = StorageWeakRef(result.untyped_storage())
            if storage in known and not func._schema.is_mutable:
                continue
            if is_finite(result):
                self._origins.pop(storage, None)
                continue
            self._judge(name, result, before, [e for e in tainted if e is not None])
        return results

    def _judge(
        self, name: str, result: Tensor, inputs: list[Tensor], causes: list[Event]
    ) -> None:
        """Record an event, or that a result has the origin of its inputs."""
        is_nan = bool(result.isnan().any())
        inherited = [e for e in causes if bool(e.result.isnan().any()) or e.turns_nan]
        cause = min(inherited or causes, key=lambda e: e.number, default=None)
        if cause is not None and (inherited or not is_nan):
            self._origins[StorageWeakRef(result.untyped_storage())] = cause
            return
        node = None
        if self.phase == "backward":
            node = torch._C._current_autograd_node()
        if node is None:
            place = self._place()
        else:
            place = self._places.get(node._sequence_nr(), Place("", "", None))
        label = "" if node is None else node.name()
        self._add(name, label, place, result, inputs, cause)

    def _place(self) -> Place:
        """The place in the model's code that the stack of calls stands at."""
        module, source, images = "", "", None
        for frame in _frames():
            file = frame.f_code.co_filename
            if file.startswith(OWN_FOLDER):
                continue
            if not source and not file.startswith(TORCH):
                source = f"{_short(file)}:{frame.f_lineno}, {frame.f_code.co_name}"
            owner = frame.f_locals.get("self")
            if not module and isinstance(owner, nn.Module):
                module = self._paths.get(id(owner), "")
            if images is None:
                if isinstance(owner, SegOutput):
                    # It may be about to be made.
                    images = vars(owner).get("_images")
                else:
                    images = self._images_in(frame)
            if module and source and images is not None:
                break
        return Place(module, source, images)

    def _images_in(self, frame: FrameType) -> Tensor | None:
        """Images of the batch, or of the only view, among the names of a function."""
        values = [*frame.f_locals.values()]
        for value in values:
            if (
                isinstance(value, Tensor)
                and value.ndim == 4
                and StorageWeakRef(value.untyped_storage()) in self.batch
            ):
                return value
        views = {id(value): value for value in values if isinstance(value, View)}
        return next(iter(views.values())).images if len(views) == 1 else None

    def _add(
        self,
        operator: str,
        node: str,
        place: Place,
        result: Tensor,
        inputs: list[Tensor],
        cause: Event | None,
    ) -> None:
        event = Event(
            len(self.events),
            self.phase,
            self.turn,
            operator,
            node,
            place,
            result.detach().clone(),
            [x.detach() for x in inputs],
            cause is not None,
            cause,
        )
        self.events.append(event)
        self._origins[StorageWeakRef(result.untyped_storage())] = event


def is_float(value: Any) -> bool:
    """Whether a value is a tensor of floating-point numbers with a storage."""
    return (
        isinstance(value, Tensor)
        and value.is_floating_point()
        and value.layout is torch.strided
    )


def is_finite(tensor: Tensor) -> bool:
    """Whether a tensor holds neither NaN nor infinity."""
    tensor = tensor.detach()
    # One pass over the numbers; the sum of large ones may be infinite by itself.
    return math.isfinite(float(tensor.sum())) or bool(tensor.isfinite().all())


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _short(file: str) -> str:
    """A file's path from the folder of its package on."""
    for root in ROOTS:
        file = file.removeprefix(root)
    return file
