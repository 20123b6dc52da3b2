"""The multi-label mean teacher as a model of its own (Mittal 2019, section 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn as nn
from mmengine.model import BaseModel
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from ..build import build_part, check_arguments
from ..counter import Counter
from ..data_preprocessor import training_preprocessor
from ..network_names import STUDENT, TEACHER
from ..teacher import Teacher
from .consistency import (
    LABEL_LOSSES,
    LabelConsistency,
    label_loss,
    probabilities,
    register_label_loss,
)

NETWORKS = (STUDENT, TEACHER)


@MODELS.register_module()
class MultiLabelMeanTeacher(BaseModel):
    """A classifier that learns from image labels and from consistency with a teacher.

    Training takes batches of named branches (``SemiDataset``, ``branch_collate``). A
    prediction adds ``pred_image_scores``, (C,), in 0..1, to each sample. Without
    consistency it is the supervised baseline ("CNN" in Table 5).

    Args:
        classifier: Config of ``MultiLabelClassifier``.
        teacher: None, or the arguments of ``Teacher``.
        consistency: None, or the arguments of ``LabelConsistency``.
        label_loss: 'binary' or 'categorical', see ``classifiers.label_loss``.
        labeled_branches: Branches with labels; those that the batch lacks are left out.
        data_preprocessor: Config of ``SemiDataPreprocessor``.
        test_cfg: ``predict_with``, 'student' or 'teacher'.
        init_cfg: As in mmengine.

    Raises:
        ValueError: If a key does not exist, or parts do not fit each other.
    """

    def __init__(
        self,
        classifier: dict[str, Any],
        teacher: dict[str, Any] | None = None,
        consistency: dict[str, Any] | None = None,
        label_loss: str = "binary",
        labeled_branches: Sequence[str] = ("labeled", "weak"),
        data_preprocessor: dict[str, Any] | None = None,
        test_cfg: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        preprocessor = training_preprocessor(data_preprocessor)
        super().__init__(
            build_part(MODELS, preprocessor, "data_preprocessor"), init_cfg
        )
        if label_loss not in LABEL_LOSSES:
            raise ValueError(f"label_loss={label_loss!r}; allowed: {LABEL_LOSSES}")
        self.classifier = build_part(MODELS, classifier, "classifier")
        self.teacher = None
        if teacher is not None:
            check_arguments(Teacher, {"network": None, **teacher}, "teacher")
            self.teacher = Teacher(self.classifier, **teacher)
        self.consistency = None
        if consistency is not None:
            check_arguments(LabelConsistency, consistency, "consistency")
            if self.teacher is None:
                raise ValueError("consistency needs a teacher; set teacher=dict(...)")
            self.consistency = LabelConsistency(**consistency)
            if self.consistency.statistics_views and self.teacher.norm != "own":
                raise ValueError(
                    f"consistency.statistics_views={self.consistency.statistics_views}"
                    f", but teacher.norm={self.teacher.norm!r} takes the statistics of "
                    "the student; set teacher.norm='own', or leave the views out"
                )
        self.label_loss = label_loss
        register_label_loss(self, label_loss)
        self.labeled_branches = tuple(labeled_branches)
        self.iteration = Counter()
        self.configure_test(**(test_cfg or {}))

    def configure_test(self, predict_with: str = "student") -> None:
        """Choose the network that predicts."""
        if predict_with not in NETWORKS:
            raise ValueError(
                f"test_cfg.predict_with={predict_with!r}; allowed: {NETWORKS}"
            )
        if predict_with == "teacher" and self.teacher is None:
            raise ValueError("test_cfg.predict_with='teacher', but teacher=None")
        self.predict_with = predict_with

    @property
    def network_names(self) -> list[str]:
        """Names of the networks that can predict, the student first."""
        return list(NETWORKS if self.teacher is not None else NETWORKS[:1])

    def follow(self) -> None:
        """Move the teacher, after each optimizer step."""
        if self.teacher is not None:
            self.teacher.update(self.classifier)

    def network(self, name: str) -> nn.Module:
        """The student or the teacher, each a classifier."""
        if name == "student":
            return self.classifier
        if self.teacher is None:
            raise ValueError(f"there is no network {name!r}: teacher=None")
        return self.teacher.network

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
            Name to scalar tensor; a list of ``SegDataSample``; or logits (N, C).
        """
        if mode == "loss":
            return self.loss(inputs, data_samples)
        if mode == "predict":
            return self.predict(inputs, data_samples)
        return self.network(self.predict_with)(inputs)

    def loss(
        self, inputs: dict[str, Tensor], data_samples: dict[str, list[SegDataSample]]
    ) -> dict[str, Tensor]:
        """Both terms of Eq. 6; norm layers see each branch as a batch of its own.

        In a common batch their statistics would tie the scores of labelled and
        unlabelled images to one mean: a higher score of the former would lower that of
        the latter.

        Raises:
            ValueError: If the batch has no labelled branch or lacks a view.
        """
        if not isinstance(inputs, dict):
            raise ValueError(
                "MultiLabelMeanTeacher trains on branches, but the batch is one "
                "tensor; set SemiDataset and collate_fn=dict(type='branch_collate')"
            )
        labeled = [name for name in self.labeled_branches if name in inputs]
        if not labeled:
            raise ValueError(
                f"none of labeled_branches={self.labeled_branches} is in the batch, "
                f"which has {sorted(inputs)}"
            )
        iteration = self.iteration.value
        if self.teacher and iteration == 0 and self.teacher.updates.value == 0:
            # The weights may have been initialised or loaded after the copy was made.
            self.teacher.copy_from(self.classifier)
        consistency, counts, agreeing = self.consistency, False, []
        if consistency is not None:
            counts = consistency.weight_at(iteration) > 0
            if counts or consistency.run_before_start:
                agreeing = [n for n in consistency.branches if n in inputs]
        student = {name: self.classifier(inputs[name]) for name in labeled}
        with torch.set_grad_enabled(counts and torch.is_grad_enabled()):
            for name in agreeing:
                if name not in student:
                    student[name] = self.classifier(inputs[name])
        labels = torch.cat([image_labels(data_samples[name], name) for name in labeled])
        loss = label_loss(
            torch.cat([student[name] for name in labeled]), labels, self.label_loss
        )
        losses = {"labeled.loss_label": loss}
        if consistency is not None and agreeing:
            views = [name + consistency.teacher_suffix for name in agreeing]
            also = consistency.statistics_views
            missing = [name for name in (*also, *views) if name not in inputs]
            if missing:
                raise ValueError(
                    f"the batch has no branch {missing[0]!r}, only {sorted(inputs)}; "
                    "make it a view of MultiView in the pipeline"
                )
            with torch.no_grad():
                teacher = self.network("teacher")
                for name in also:
                    teacher(inputs[name])
                target = torch.cat([teacher(inputs[n]) for n in views])
            if counts:
                losses["consistency.loss"] = consistency(
                    torch.cat([student[n] for n in agreeing]),
                    target,
                    iteration,
                    self.label_loss,
                )
        self.iteration.value += 1
        return losses

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Scores of the chosen network.

        Args:
            inputs: (N, 3, H, W), float.
            data_samples: N samples, or None.

        Returns:
            N samples with ``pred_image_scores``, (C,), float, in 0..1.
        """
        scores = self.scores(inputs)
        samples = data_samples or [SegDataSample() for _ in scores]
        for sample, score in zip(samples, scores, strict=True):
            sample.set_data({"pred_image_scores": score})
        return samples

    def scores(self, images: Tensor) -> Tensor:
        """Probability of each class, (N, C), float, of images (N, 3, H, W)."""
        return probabilities(self.network(self.predict_with)(images), self.label_loss)


def image_labels(samples: Sequence[SegDataSample], branch: str) -> Tensor:
    """Multi-hot labels of a branch, (N, C), float.

    Raises:
        ValueError: If a sample has none.
    """
    if not all("gt_image_labels" in sample for sample in samples):
        raise ValueError(
            f"the samples of branch {branch!r} have no image labels; put "
            "LoadImageLabels and PackImageLabels into its pipeline"
        )
    return torch.stack([sample.gt_image_labels for sample in samples])
