"""One training step: its views, and the outputs of the networks on them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, TypeVar

import torch
import torch.nn as nn
from mmseg.structures import SegDataSample
from torch import Tensor

from ..network_names import STUDENT, TEACHER
from ..training_facts import iterations, total_iterations
from .facts import facts_of
from .joint_pass import FrozenFeatures, Perturb, decode_again, run_jointly
from .seg_output import SegOutput
from .view import View

Made = TypeVar("Made")
TRAINING, EVALUATION = "training", "evaluation"
UNRECORDED = "training, without gradients"


class Step:
    """The batch of a step as views, and the outputs of the networks on them.

    ``step["unlabeled"]`` is a :class:`View`. Each network runs at most once on each
    view, on the first request, and a frozen backbone once for all networks that share
    it. Objectives may add views, e.g. of mixed images, and publish maps for later
    objectives and pictures.

    Args:
        networks: Name to segmentor, or to None for one that the model lacks.
        images: View to (N, 3, H, W), float, preprocessed.
        samples: View to its N data samples.
        iteration: Number of training iterations before this one.
        ignore_index: Label of ignored pixels.
        learning: Networks whose outputs carry gradients.
        later: Networks that do not hold anything yet: snapshots before the first one.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module | None],
        images: Mapping[str, Tensor],
        samples: Mapping[str, Sequence[SegDataSample]],
        iteration: int,
        ignore_index: int = 255,
        learning: Sequence[str] = (STUDENT,),
        later: Sequence[str] = (),
    ) -> None:
        self.iteration = iteration
        self.ignore_index = ignore_index
        # The first request for an output may be without gradients, but later ones need
        # them.
        self._grad = torch.is_grad_enabled()
        self._networks = dict(networks)
        self._learning = tuple(learning)
        self._later = tuple(later)
        self._views = {
            name: View(name, batch, samples.get(name, ()), ignore_index)
            for name, batch in images.items()
        }
        self._outputs: dict[tuple[str, str, str], SegOutput] = {}
        self._frozen = FrozenFeatures()
        self._signals: dict[str, Callable[[], Tensor] | Tensor] = {}
        self._made: dict[Hashable, Any] = {}

    def __getitem__(self, name: str) -> View:
        """The view with a name.

        Raises:
            ValueError: If the batch has no such view.
        """
        if name not in self._views:
            raise ValueError(
                f"an objective asks for the branch {name!r}, but the batch has "
                f"{sorted(self._views)}{_nearest(name, self._views)}; branches are the "
                "sources of SemiDataset and the views of MultiView in train_dataloader"
            )
        return self._views[name]

    def __contains__(self, name: str) -> bool:
        """Whether there is a view with a name."""
        return name in self._views

    @property
    def names(self) -> list[str]:
        """Names of the views, those of the batch first."""
        return list(self._views)

    @property
    def progress(self) -> float:
        """Share of the training's iterations that are finished, in 0..1.

        Raises:
            ValueError: If the number of iterations is unknown, without a runner.
        """
        return min(self.iteration / total_iterations(), 1.0)

    @property
    def num_classes(self) -> int:
        """Number of classes of the student, and of all other networks."""
        return facts_of(self.network(STUDENT)).num_classes

    def before(self, time: float) -> bool:
        """Whether a time is not reached: iterations, or a share of the training."""
        return self.iteration < iterations(time)

    def add_view(self, view: View) -> View:
        """Add images that an objective made, as a view for networks.

        Raises:
            ValueError: If the name is taken.
        """
        if view.name in self._views:
            raise ValueError(f"the batch already has a branch {view.name!r}")
        self._views[view.name] = view
        return view

    def student(self, views: View | str | Sequence[View]) -> Any:
        """The student's outputs on a view, or a list of outputs of a joint pass."""
        return self.output(STUDENT, views)

    def teacher(self, views: View | str | Sequence[View]) -> Any:
        """The teacher's outputs, without gradients; see :meth:`student`."""
        return self.output(TEACHER, views)

    def output(
        self,
        network: str,
        views: View | str | Sequence[View],
        evaluation: bool = False,
        gradients: bool = True,
    ) -> Any:
        """Outputs of a network.

        Args:
            network: 'student', 'teacher', or the name of a further one.
            views: One view, or its name; or several of one size, which then pass
                through the network as one batch.
            evaluation: Whether the network predicts as in evaluation mode (without
                dropout, with running statistics), without gradients.
            gradients: Whether a network that learns records gradients. Without them,
                the outputs with gradients are returned where they are there already.

        Returns:
            A :class:`SegOutput`; a list of them for several views.

        Raises:
            ValueError: If there is no such network, the sizes differ, or some of the
                views have been in another pass of the network.
        """
        if isinstance(views, str):
            views = self[views]
        several = [views] if isinstance(views, View) else list(views)
        mode = EVALUATION if evaluation else TRAINING
        keys = [(network, view.name, mode) for view in several]
        if not gradients and any(key not in self._outputs for key in keys):
            mode = mode if evaluation else UNRECORDED
            keys = [(network, view.name, mode) for view in several]
        missing = [key for key in keys if key not in self._outputs]
        if missing:
            if len(missing) < len(keys):
                done = sorted(key[1] for key in keys if key in self._outputs)
                raise ValueError(
                    f"the {network} is to see {[v.name for v in several]} in one pass, "
                    f"but has seen {done} in another one; name them in one `joint` "
                    "only, and put the objective with the joint pass first"
                )
            module = self.network(network)
            grad = self._grad and network in self._learning and mode == TRAINING
            outputs = run_jointly(module, several, grad, self._frozen)
            if evaluation:
                _decode_in_evaluation(module, outputs)
            self._outputs.update(zip(keys, outputs, strict=True))
        found = [self._outputs[key] for key in keys]
        return found[0] if isinstance(views, View) else found

    def decode_beside(
        self, network: str, views: Sequence[View], function: Perturb
    ) -> list[SegOutput]:
        """Decode clean and perturbed features of views in one batch.

        Batch normalisation in neck and heads sees both. Later requests for the views
        return the clean outputs.

        Args:
            network: Name of the network.
            views: Views of one size, which share one pass.
            function: Function of the backbone's maps, see :func:`decode_again`.

        Returns:
            The outputs of the perturbed features, for each view.

        Raises:
            ValueError: If a view has been decoded already.
        """
        outputs = self.output(network, views)
        done = [v.name for v, o in zip(views, outputs, strict=True) if o.has_logits]
        if done:
            raise ValueError(
                f"the {network} has decoded {done} already; the objective that decodes "
                "perturbed features beside them must come first in `objectives`"
            )
        clean: list[tuple[SegOutput, Perturb | None]] = [(o, None) for o in outputs]
        decoded = decode_again([*clean, *((output, function) for output in outputs)])
        for view, output in zip(views, decoded, strict=False):
            self._outputs[network, view.name, TRAINING] = output
        return decoded[len(outputs) :]

    def has_network(self, name: str) -> bool:
        """Whether a network can give labels; a snapshot can once it has been taken."""
        return self._networks.get(name) is not None and name not in self._later

    def network(self, name: str) -> nn.Module:
        """A network by name.

        Raises:
            ValueError: If the model has no such network, or not yet.
        """
        if name in self._later:
            raise ValueError(
                f"an objective asks for the snapshot {name!r} in iteration "
                f"{self.iteration}, before the first one is taken; let the objective "
                f"start after networks.{name}.interval (or offset, if it has one), or "
                "take labels_from=dict(type='Ensemble', ...), which leaves it out"
            )
        module = self._networks.get(name)
        if module is None:
            there = sorted(k for k, v in self._networks.items() if v is not None)
            advice = (
                "set teacher=dict(momentum=...) in SemiSegmentor"
                if name == TEACHER
                else f"name it in SemiSegmentor.networks{_nearest(name, there)}"
            )
            raise ValueError(
                f"an objective asks for the network {name!r}, but the model has "
                f"{there}; {advice}"
            )
        return module

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """The result of ``make``, which is called once for each key."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def publish(self, name: str, make: Callable[[], Tensor]) -> None:
        """Offer a map to later objectives; it is computed on the first request.

        Args:
            name: ``objective.map``.
            make: Function that returns the map.

        Raises:
            ValueError: If the name is taken.
        """
        if name in self._signals:
            raise ValueError(
                f"the map {name!r} has been published in this step: two objectives "
                "cannot publish under one name"
            )
        self._signals[name] = make

    def signal(self, name: str) -> Tensor:
        """A map that an earlier objective published.

        Args:
            name: ``objective.map``, or the map's name alone if only one objective
                publishes such a map.

        Raises:
            ValueError: If no objective publishes it, or several do.
        """
        full_names = [n for n in self._signals if n.partition(".")[2] == name]
        found = [name] if name in self._signals else full_names
        if len(found) != 1:
            problem = (
                f"several objectives publish {name!r}: name one of {found}"
                if found
                else f"no objective before this one publishes {name!r} (published: "
                f"{sorted(self._signals)}); the order of `objectives` matters"
            )
            raise ValueError(problem)
        value = self._signals[found[0]]
        if not isinstance(value, Tensor):
            value = self._signals[found[0]] = value()
        return value

    def close(self) -> None:
        """Forget the outputs and what was made of them, once the losses are known.

        What an objective keeps here for another one are functions that refer to the
        step: without this, a step and its maps would stay in memory until Python looks
        for such circles, hundreds of iterations later.
        """
        for kept in (self._outputs, self._signals, self._made):
            kept.clear()

    def top_classes(self) -> dict[str, Tensor]:
        """Share of the most frequent predicted class in each unlabelled view.

        Returns:
            'VIEW.top_class' to the share, a scalar in 0..1; the largest of all
            networks.
        """
        shares: dict[str, Tensor] = {}
        for (_, name, _), output in self._outputs.items():
            if self._views[name].has_labels or not output.has_logits:
                continue
            classes = output.logits.detach().max(dim=1).indices
            numbers = range(output.logits.shape[1])
            counts = [(classes == number).sum() for number in numbers]
            share = torch.stack(counts).amax() / classes.numel()
            key = f"{name}.top_class"
            shares[key] = torch.maximum(share, shares.get(key, share))
        return shares


def _decode_in_evaluation(network: nn.Module, outputs: Sequence[SegOutput]) -> None:
    """Run a network at once in evaluation mode, and restore the modes after."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        _ = [output.logits for output in outputs]
    finally:
        for module, training in modes:
            module.training = training


def _nearest(name: str, names: Iterator[str] | Sequence[str] | dict[str, Any]) -> str:
    close = get_close_matches(name, list(names), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


@contextmanager
def explained_batch_norm(images: Mapping[str, Tensor]) -> Iterator[None]:
    """Explain the error of batch statistics of a single value.

    Args:
        images: View to (N, 3, H, W), float.

    Raises:
        ValueError: In place of torch's error, which does not mention the batch size.
    """
    try:
        yield
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        sizes = {name: len(batch) for name, batch in images.items()}
        raise ValueError(
            f"BatchNorm cannot train on one image where a head pools it to one pixel, "
            f"as PSPNet and DeepLabv3+ do; images of each branch: {sizes}. Raise "
            "train_dataloader.batch_size until each source of sampler.ratio has at "
            f"least two, or set another norm_cfg, such as GN ({error})"
        ) from error
