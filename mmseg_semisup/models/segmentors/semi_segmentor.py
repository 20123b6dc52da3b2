"""Any MMSegmentation model, trained with unlabelled images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch.nn as nn
from mmengine.config import ConfigDict
from mmengine.model import BaseModel, ModuleList
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from torch import Tensor

from ..build import build_part, check_arguments
from ..counter import Counter
from .decode_heads import last_head
from .prediction import check_segmentor, probabilities
from .step import Step, explained_batch_norm
from .teacher import Teacher

NETWORKS = ("student", "teacher")
FORGOTTEN_TEACHER = 64


@MODELS.register_module()
class SemiSegmentor(BaseModel):
    """A segmentor, and a list of objectives that unlabelled images teach it.

    Trained, it takes batches of named branches (``SemiDataset``, ``branch_collate``);
    the segmentor's own loss reads the branch ``labeled``. Used, it is the segmentor:
    ``predict`` and ``tensor`` take mmseg's ordinary batches.

    A checkpoint of the plain segmentor loads into it. Its state holds all that shapes
    training: the segmentor under ``segmentor.``, the teacher under ``teacher.``, the
    objectives' networks under ``objectives.``, and the number of iterations.

    Args:
        segmentor: Config of an mmseg segmentor, as it stands in mmseg's model files.
        teacher: None, or the arguments of :class:`Teacher`.
        objectives: Configs of objectives. None of them: the supervised baseline.
        data_preprocessor: Config of ``SemiDataPreprocessor``; None: the segmentor's.
        test_cfg: ``predict_with``, 'student' or 'teacher'; ``signal_maps``, whether
            predictions carry the objectives' maps.

    Raises:
        ValueError: If a key does not exist, or parts do not fit each other.
    """

    def __init__(
        self,
        segmentor: dict,
        teacher: dict | None = None,
        objectives: Sequence[dict] = (),
        data_preprocessor: dict | None = None,
        test_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        segmentor = ConfigDict(segmentor)
        own = segmentor.pop("data_preprocessor", None)
        data_preprocessor = dict(data_preprocessor or own or {})
        if data_preprocessor.get("type") in (None, "SegDataPreProcessor"):
            data_preprocessor["type"] = "SemiDataPreprocessor"
        preprocessor = build_part(MODELS, data_preprocessor, "data_preprocessor")
        super().__init__(preprocessor, init_cfg)
        self.segmentor = MODELS.build(segmentor)
        check_segmentor(self.segmentor)
        self.teacher = None
        if teacher is not None:
            check_arguments(Teacher, {"network": None, **teacher}, "teacher")
            self.teacher = Teacher(self.segmentor, **teacher)
        self.objectives = ModuleList(
            build_part(MODELS, cfg, f"objectives[{i}]")
            for i, cfg in enumerate(objectives)
        )
        self.iteration = Counter()
        self.report_top_class = False
        self.configure_test(**(test_cfg or {}))
        self._check()
        self._register_load_state_dict_pre_hook(_accept_plain_segmentor)

    def configure_test(
        self, predict_with: str = "student", signal_maps: bool = False
    ) -> None:
        """Choose the network that predicts, and whether with the objectives' maps."""
        if predict_with not in NETWORKS:
            raise ValueError(
                f"test_cfg.predict_with={predict_with!r}; allowed: {NETWORKS}"
            )
        if predict_with == "teacher" and self.teacher is None:
            raise ValueError("test_cfg.predict_with='teacher', but teacher=None")
        self.predict_with = predict_with
        self.signal_maps = signal_maps

    def _check(self) -> None:
        for i, objective in enumerate(self.objectives):
            if objective.needs_teacher and self.teacher is None:
                raise ValueError(
                    f"objectives[{i}] ({type(objective).__name__}) needs a teacher; "
                    "set teacher=dict(momentum=...)"
                )
            objective.check(self.segmentor)

    def network(self, name: str) -> nn.Module:
        """The student or the teacher, each a plain mmseg segmentor."""
        return self.segmentor if name == "student" else self.teacher.network

    @property
    def out_channels(self) -> int:
        """Channels of the logits; mmseg's test-time augmentation asks for them."""
        return self.segmentor.out_channels

    def forward(
        self,
        inputs: dict[str, Tensor] | Tensor,
        data_samples: dict[str, list] | list | None = None,
        mode: str = "tensor",
    ) -> Any:
        """As mmseg's models do, with branches in mode 'loss'.

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
        self, inputs: dict[str, Tensor], data_samples: dict[str, list]
    ) -> dict[str, Tensor]:
        """All losses of a step, the discriminators' included."""
        if not isinstance(inputs, dict):
            raise ValueError(
                "SemiSegmentor trains on branches, but the batch is one tensor; set "
                "SemiDataset and collate_fn=dict(type='branch_collate') in "
                "train_dataloader"
            )
        self._care_for_teacher()
        step = self.make_step(inputs, data_samples)
        supervised = step.student("labeled").supervised_loss(step.samples("labeled"))
        losses = {f"labeled.{name}": value for name, value in supervised.items()}
        for objective in self.objectives:
            further = objective(step)
            twice = sorted(losses.keys() & further.keys())
            if twice:
                raise ValueError(
                    f"two objectives call a loss or figure {twice[0]!r}, and one would "
                    f"be lost: give {type(objective).__name__} another branch"
                )
            losses.update(further)
        if self.report_top_class:
            losses.update(step.top_classes())
        self.iteration.value += 1
        return losses

    def make_step(
        self, inputs: dict[str, Tensor], data_samples: dict[str, list]
    ) -> Step:
        """The step that the objectives will see."""
        return Step(
            student=self.segmentor,
            teacher=self.teacher.network if self.teacher else None,
            images=inputs,
            samples=data_samples,
            iteration=self.iteration.value,
            ignore_index=last_head(self.segmentor).ignore_index,
        )

    def _care_for_teacher(self) -> None:
        if self.teacher is None or self.teacher.updates.value > 0:
            return
        if self.iteration.value == 0:
            # Weights may have been initialised or loaded since the copy was made.
            self.teacher.copy_from(self.segmentor)
        elif self.iteration.value == FORGOTTEN_TEACHER:
            raise RuntimeError(
                f"after {FORGOTTEN_TEACHER} iterations the teacher was never updated; "
                "add dict(type='TeacherUpdateHook') to custom_hooks"
            )

    def predict(self, inputs: Tensor, data_samples: list | None = None) -> list:
        """Predictions of the chosen network, as mmseg's segmentors give them.

        Args:
            inputs: (N, 3, H, W), float.
            data_samples: N samples, or None.

        Returns:
            N ``SegDataSample``; with ``signal_maps``, each map of an objective is a
            further ``PixelData`` (1, H, W) under its name.
        """
        network = self.network(self.predict_with)
        results = network(inputs, data_samples, mode="predict")
        if self.signal_maps:
            for sample in results:
                probs = probabilities(network, sample.seg_logits.data, dim=0)[None]
                for objective in self.objectives:
                    for name, value in objective.maps(probs).items():
                        sample.set_data({name: PixelData(data=value[0])})
        return results


def _accept_plain_segmentor(state_dict: dict, prefix: str, *_: object) -> None:
    """Let a checkpoint of the plain segmentor load as the student."""
    own = ("segmentor.", "teacher.", "objectives.", "iteration.", "data_preprocessor.")
    names = [name[len(prefix) :] for name in state_dict if name.startswith(prefix)]
    if any(name.startswith("segmentor.") for name in names):
        return
    for name in names:
        if not name.startswith(own):
            state_dict[f"{prefix}segmentor.{name}"] = state_dict.pop(prefix + name)
