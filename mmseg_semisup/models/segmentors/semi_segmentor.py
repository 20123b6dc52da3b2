"""Any MMSegmentation model, trained with unlabelled images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch.nn as nn
from mmengine.config import ConfigDict
from mmengine.model import BaseModel, ModuleDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_semisup.datasets.collate import widened

from ..build import build_part, check_arguments
from ..counter import Counter
from ..data_preprocessor import training_preprocessor
from ..heads.branch_head import branch_head
from ..network_names import STUDENT, TEACHER, members, predicting
from ..objectives.container import Objectives, check_name, named_configs
from ..step.decode_heads import last_head
from ..step.facts import facts_of
from ..step.predict import predict
from ..step.prediction import probabilities
from ..step.step import Step, explained_batch_norm
from ..teacher import Teacher
from .mean_network import MeanNetwork
from .plain import build_segmentor

FORGOTTEN_TEACHER = 64
PARTS = ("segmentor", "teacher", "networks", "objectives", "iteration")


@MODELS.register_module()
class SemiSegmentor(BaseModel):
    """A segmentor with objectives for unlabelled images.

    Training takes batches of named branches (``SemiDataset``, ``branch_collate``); the
    segmentor's own loss reads the branch ``labeled``. ``predict`` and ``tensor`` behave
    like the segmentor, and take mmseg's ordinary batches.

    A checkpoint of the plain segmentor can be loaded: it sets the student and every
    network that starts as a copy of it. The state holds everything that training
    depends on: the segmentor under ``segmentor.``, the teacher under ``teacher.``,
    further networks under ``networks.<name>.``, the objectives' parts under
    ``objectives.<name>.``, and the number of iterations.

    Args:
        segmentor: Config of an mmseg segmentor, as in mmseg's model files.
        teacher: None, or the arguments of :class:`Teacher`.
        objectives: Name to config of an objective, in the order in which they run; or a
            list, named by type. Without any: the supervised baseline.
        networks: Name to config of a further network (``Peer``, ``Average``,
            ``Snapshot``).
        data_preprocessor: Config of ``SemiDataPreprocessor``; None: the segmentor's. It
            may add padding to the segmentor's own, but not contradict it.
        labeled_weight: Factor of the segmentor's own losses.
        average_losses: Whether the sum of all losses is divided by the sum of their
            weights in the step: ``labeled_weight``, and those of the objectives.
        test_cfg: ``predict_with``, the name of a network, or a list of several, whose
            mean probabilities decide; ``signal_maps``, whether predictions carry the
            objectives' maps.
        init_cfg: As in mmengine.

    Raises:
        ValueError: If a key does not exist, or parts do not fit each other.
    """

    def __init__(
        self,
        segmentor: dict[str, Any],
        teacher: dict[str, Any] | None = None,
        objectives: Mapping[str, dict[str, Any] | None] | Sequence[dict[str, Any]] = (),
        networks: Mapping[str, dict[str, Any] | None] | None = None,
        data_preprocessor: dict[str, Any] | None = None,
        labeled_weight: float = 1.0,
        average_losses: bool = False,
        test_cfg: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        segmentor = ConfigDict(segmentor)
        own = segmentor.pop("data_preprocessor", None)
        data_preprocessor = training_preprocessor(own, data_preprocessor)
        preprocessor = build_part(MODELS, data_preprocessor, "data_preprocessor")
        super().__init__(preprocessor, init_cfg)
        self.segmentor = build_segmentor(segmentor)
        self.teacher = None
        if teacher is not None:
            check_arguments(Teacher, {"network": None, **teacher}, "teacher")
            self.teacher = Teacher(self.segmentor, **teacher)
        facts = facts_of(self.segmentor)._replace(
            branch_head=branch_head(self.segmentor, segmentor["decode_head"]),
            backbone=segmentor.get("backbone"),
        )
        self.objectives = Objectives(named_configs(objectives), facts)
        # Unlike torch's, it initialises its networks' weights.
        self.networks: Any = ModuleDict()
        for name, cfg in (networks or {}).items():
            if cfg is not None:
                self.networks[name] = self._build_network(name, cfg, segmentor)
        if labeled_weight < 0:
            raise ValueError(f"labeled_weight={labeled_weight}; allowed: 0 or more")
        self.labeled_weight = labeled_weight
        self.average_losses = average_losses
        if average_losses:
            self.objectives.check_weights()
        self.iteration = Counter()
        self.report_top_class = False
        self.configure_test(**(test_cfg or {}))
        self._check_objectives()
        self._register_load_state_dict_pre_hook(self.adapt_state)

    def _build_network(
        self, name: str, cfg: dict[str, Any], segmentor: dict[str, Any]
    ) -> nn.Module:
        check_name(name, "networks", (STUDENT, TEACHER, *self.objectives))
        known = {"student": self.segmentor, "student_cfg": segmentor}
        part = build_part(MODELS, {**cfg, **known}, f"networks.{name}")
        own, classes = (
            facts_of(network).num_classes for network in (part.network, self.segmentor)
        )
        if own != classes:
            raise ValueError(
                f"networks.{name} has {own} classes, but the segmentor has {classes}; "
                "they must be equal"
            )
        return part

    def configure_test(
        self, predict_with: str | Sequence[str] = STUDENT, signal_maps: bool = False
    ) -> None:
        """Choose the network that predicts, and whether to add the objectives' maps."""
        self.predict_with = predicting(predict_with, self.network_names)
        self.signal_maps = signal_maps

    def _check_objectives(self) -> None:
        for name, objective in self.objectives.items():
            for network in objective.needs:
                if network == TEACHER and self.teacher is None:
                    raise ValueError(
                        f"objectives.{name} ({type(objective).__name__}) needs a "
                        "teacher; set teacher=dict(momentum=...)"
                    )
                if network not in self.network_names:
                    raise ValueError(
                        f"objectives.{name} ({type(objective).__name__}) asks for the "
                        f"network {network!r}; there are {self.network_names}; name it "
                        "in networks"
                    )

    @property
    def network_names(self) -> list[str]:
        """Names of the networks that can predict, the student first."""
        teacher = [TEACHER] if self.teacher is not None else []
        return [STUDENT, *teacher, *self.networks]

    def network(self, name: str) -> nn.Module:
        """A network by name, a plain mmseg segmentor; ``A+B`` is the mean of two."""
        if len(members(name)) > 1:
            return MeanNetwork([self.network(each) for each in members(name)])
        if name == STUDENT:
            return self.segmentor
        if name == TEACHER and self.teacher is not None:
            return self.teacher.network
        return self.networks[name].network

    @property
    def learning_networks(self) -> list[str]:
        """Names of the networks that gradients train, the student first."""
        return [STUDENT, *(n for n, part in self.networks.items() if part.learns)]

    @property
    def required_views(self) -> dict[str, list[str]]:
        """Name of each view that training reads, to the names of its readers."""
        required = {"labeled": ["the supervised loss"]}
        for name, objective in self.objectives.items():
            for view in (*objective.reads, *objective.joins):
                required.setdefault(view, []).append(f"objectives.{name}")
        return required

    @property
    def mixed_views(self) -> dict[str, str]:
        """Name of each view whose images are mixed, to the name of the objective."""
        return {
            view: f"objectives.{name}"
            for name, objective in self.objectives.items()
            for view in objective.mixes
        }

    @property
    def out_channels(self) -> int:
        """Channels of the logits, for mmseg's test-time augmentation."""
        return self.segmentor.out_channels

    def forward(
        self,
        inputs: Any,
        data_samples: Any = None,
        mode: str = "tensor",
    ) -> Any:
        """Run in the mode of mmseg's models, with branches in mode 'loss'.

        Args:
            inputs: (N, 3, H, W), float; in mode 'loss', branch to such a tensor.
            data_samples: N samples; in mode 'loss', branch to such a list.
            mode: 'loss', 'predict' or 'tensor'.

        Returns:
            Name to scalar tensor; a list of ``SegDataSample``; or logits
            (N, C, h, w) at the head's stride.
        """
        if mode == "loss":
            with explained_batch_norm(inputs):
                return self.loss(inputs, data_samples)
        if mode == "predict":
            return self.predict(inputs, data_samples)
        return self.network(self.predict_with)(inputs, data_samples, mode)

    def loss(
        self, inputs: dict[str, Tensor], data_samples: dict[str, list[SegDataSample]]
    ) -> dict[str, Tensor]:
        """All losses of a step, including those of discriminators."""
        if not isinstance(inputs, dict):
            raise ValueError(
                "SemiSegmentor trains on branches, but the batch is one tensor; set "
                "SemiDataset and collate_fn=dict(type='branch_collate') in "
                "train_dataloader"
            )
        self._start_networks()
        step = self.make_step(inputs, data_samples)
        joined = any("labeled" in o.joins for o in self.objectives.values())
        # A view passes through a network once, so an objective with a joint pass of the
        # labelled images has to request it first.
        supervised = {} if joined else self._supervised_loss(step)
        further: dict[str, Tensor] = {}
        for name, objective in self.objectives.items():
            further.update({f"{name}.{k}": v for k, v in objective(step).items()})
        losses = {**(supervised or self._supervised_loss(step)), **further}
        if self.average_losses:
            learning = self.labeled_weight * len(self.learning_networks)
            total = learning + self.objectives.weight_in(step) or 1.0
            losses = {k: v / total if "loss" in k else v for k, v in losses.items()}
        if self.report_top_class:
            losses.update(step.top_classes())
        step.close()
        self.iteration.value += 1
        return losses

    def _supervised_loss(self, step: Step) -> dict[str, Tensor]:
        """Losses of the labelled images, of all networks that learn."""
        labeled = step["labeled"]
        losses = {}
        for network in self.learning_networks:
            prefix = "labeled" if network == STUDENT else f"{network}.labeled"
            output = step.output(network, labeled)
            for name, value in output.supervised_loss(labeled.samples).items():
                weight = self.labeled_weight if "loss" in name else 1.0
                losses[f"{prefix}.{name}"] = value if weight == 1 else weight * value
        return losses

    def make_step(
        self, inputs: dict[str, Tensor], data_samples: dict[str, list[SegDataSample]]
    ) -> Step:
        """Make the step for the objectives."""
        return Step(
            networks={name: self.network(name) for name in self.network_names},
            images=inputs,
            # A preprocessor of another class than ours leaves labels as they came.
            samples={name: widened(of) for name, of in data_samples.items()},
            iteration=self.iteration.value,
            ignore_index=last_head(self.segmentor).ignore_index,
            learning=self.learning_networks,
            later=[name for name, part in self.networks.items() if not part.ready],
        )

    def follow(self) -> None:
        """Move the teacher, averages and further networks, after an optimizer step."""
        # The step has counted itself already.
        iteration = self.iteration.value - 1
        if self.teacher is not None:
            momentum = self.teacher.update(self.segmentor, iteration)
            for objective in self.objectives.values():
                objective.follow(momentum)
        for part in self.networks.values():
            part.follow(self.segmentor, iteration)

    def improve(self) -> None:
        """Tell the further networks that the last validation was the best so far."""
        for part in self.networks.values():
            part.improve(self.segmentor)

    def make_ready(self) -> None:
        """Take all snapshots at once, for a dry run or a benchmark."""
        for part in self.networks.values():
            part.make_ready(self.segmentor)

    def _start_networks(self) -> None:
        if self.iteration.value == 0:
            # The weights may have been initialised or loaded after the copies were
            # made.
            if self.teacher is not None and self.teacher.updates.value == 0:
                self.teacher.copy_from(self.segmentor)
            for part in self.networks.values():
                part.start(self.segmentor)
        elif (
            self.iteration.value == FORGOTTEN_TEACHER
            and self.teacher is not None
            and self.teacher.updates.value == 0
        ):
            raise RuntimeError(
                f"after {FORGOTTEN_TEACHER} iterations the teacher was never updated; "
                "add dict(type='TeacherUpdateHook') to custom_hooks"
            )

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Predict with the chosen network, in the format of mmseg's segmentors.

        Args:
            inputs: (N, 3, H, W), float.
            data_samples: N samples, or None.

        Returns:
            N ``SegDataSample``; with ``signal_maps``, each map of an objective is a
            further ``PixelData`` (1, H, W) under its name.
        """
        network = self.network(self.predict_with)
        results = predict(network, inputs, data_samples)
        if self.signal_maps:
            for sample in results:
                probs = probabilities(network, sample.seg_logits.data, dim=0)[None]
                for name, value in self.objective_maps(probs).items():
                    sample.set_data({name: PixelData(data=value[0])})
        return results

    def objective_maps(self, probs: Tensor) -> dict[str, Tensor]:
        """Compute the maps of all objectives for given predictions.

        Args:
            probs: (N, C, H, W), in 0..1.

        Returns:
            Name to (N, 1, H, W), in 0..1; ``objective.name`` if several objectives have
            it.
        """
        maps = [
            (objective.name, name, value)
            for objective in self.objectives.values()
            for name, value in objective.maps(probs).items()
        ]
        names = [name for _, name, _ in maps]
        return {
            name if names.count(name) == 1 else f"{owner}.{name}": value
            for owner, name, value in maps
        }

    def rename_positions(self, state_dict: dict[str, Any], prefix: str = "") -> None:
        """Replace the positions of objectives in an older checkpoint by their names.

        Args:
            state_dict: Changed in place.
            prefix: Prefix of all names.

        Raises:
            ValueError: If an entry does not fit the objective at its position.
        """
        self.objectives.rename_positions(state_dict, f"{prefix}objectives.")

    def adapt_state(
        self, state_dict: dict[str, Any], prefix: str = "", *_: object
    ) -> None:
        """Rename the entries of a plain segmentor's or an older checkpoint.

        A plain segmentor's weights are used for the student and for all networks that
        start as copies of it.

        Args:
            state_dict: Changed in place.
            prefix: Prefix of all names.

        Raises:
            ValueError: If objectives keyed by position cannot be matched by name.
        """
        self.rename_positions(state_dict, prefix)
        names = [name[len(prefix) :] for name in state_dict if name.startswith(prefix)]
        own = tuple(f"{part}." for part in (*PARTS, "data_preprocessor"))
        if any(name.startswith("segmentor.") for name in names):
            return
        copies = [f"networks.{n}.network" for n, p in self.networks.items() if p.copies]
        if self.teacher is not None:
            copies.append("teacher.network")
        for name in names:
            if not name.startswith(own):
                value = state_dict.pop(prefix + name)
                for target in ("segmentor", *copies):
                    state_dict[f"{prefix}{target}.{name}"] = value
