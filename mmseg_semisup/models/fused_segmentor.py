"""Lets a classifier switch off a segmentor's classes (Mittal 2019, Eq. 7)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from mmengine.config import ConfigDict
from mmengine.logging import print_log
from mmengine.model import BaseModel
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_semisup.core.checkpoint import load_checkpoint_file
from mmseg_semisup.core.errors import CheckpointError

from .classifiers.consistency import (
    LABEL_LOSSES,
    LOSS_KEY,
    probabilities,
    register_label_loss,
)
from .data_preprocessor import plain_preprocessor, training_preprocessor

SWITCHES = ("none", "classifier", "pixels")
PREFIXES = {
    "segmentor": {"student": "segmentor.", "teacher": "teacher.network."},
    "classifier": {"student": "classifier.", "teacher": "teacher.network."},
}


@MODELS.register_module()
class FusedSegmentor(BaseModel):
    """A segmentor that suppresses the classes that are absent from the image.

    A class that is off has probability 0 (its logit is minus infinity), so that its
    pixels get the best other class. The background is never off; if all classes of an
    image would be off, none is.

    Its own checkpoint holds both networks and the classes; with it, no other checkpoint
    is named.

    Args:
        segmentor: Config of a plain mmseg segmentor.
        classifier: Config of ``MultiLabelClassifier``.
        classes: Names of the segmentor's classes, in order.
        segmentor_checkpoint: Checkpoint of a ``SemiSegmentor`` or a plain segmentor, or
            None.
        classifier_checkpoint: Checkpoint of a ``MultiLabelMeanTeacher``, or None.
        segmentor_network: 'student' or 'teacher', of the segmentor's checkpoint.
        classifier_network: 'student' or 'teacher', of the classifier's checkpoint.
        switch: Criterion by which classes are switched off: 'classifier', its scores;
            'pixels', the number of predicted pixels of a class (the heuristics of Table
            5); or 'none'.
        tau: A class is on if its score exceeds this, in 0..1.
        min_pixels: A class is on if it has at least this number of pixels in the
            predicted map, which has the size of the original image; one number, or one
            for each class.
        background: Name of the class that is never off; None: there is none.
        classifier_size: Height and width of the classifier's input.
        classifier_preprocessor: ``mean``, ``std`` and ``bgr_to_rgb`` of the classifier;
            None: as the segmentor's.
        label_loss: Loss of the classifier's training, 'binary' or 'categorical'; a
            checkpoint of another loss is refused.
        data_preprocessor: Preprocessor of the segmentor, as in mmseg.
        pretrained: None, which ``mmseg.apis.init_model`` sets.
        train_cfg: None, for the same reason.

    Raises:
        ValueError: If an argument is not allowed, or the classifier lacks a class of
            the segmentor other than the background.
    """

    def __init__(
        self,
        segmentor: dict[str, Any],
        classifier: dict[str, Any],
        classes: Sequence[str],
        segmentor_checkpoint: str | None = None,
        classifier_checkpoint: str | None = None,
        segmentor_network: str = "student",
        classifier_network: str = "teacher",
        switch: str = "classifier",
        tau: float = 0.2,
        min_pixels: float | Sequence[float] = 0,
        background: str | None = "background",
        classifier_size: tuple[int, int] = (320, 320),
        classifier_preprocessor: dict[str, Any] | None = None,
        label_loss: str = "binary",
        data_preprocessor: dict[str, Any] | None = None,
        pretrained: None = None,
        train_cfg: None = None,
    ) -> None:
        if pretrained is not None or train_cfg is not None:
            raise ValueError("FusedSegmentor is not trained: pretrained, train_cfg")
        if label_loss not in LABEL_LOSSES:
            raise ValueError(f"label_loss={label_loss!r}; allowed: {LABEL_LOSSES}")
        segmentor = ConfigDict(segmentor)
        own = segmentor.pop("data_preprocessor", None)
        own = plain_preprocessor(training_preprocessor(own, data_preprocessor))
        super().__init__(own)
        self.classes = tuple(classes)
        self.label_loss = label_loss
        register_label_loss(self, label_loss)
        if background is not None and background not in self.classes:
            raise ValueError(
                f"background={background!r} is no class; set background=None if there "
                f"is none; classes: {list(self.classes)}"
            )
        self.background = None if background is None else self.classes.index(background)
        self.segmentor = MODELS.build(segmentor)
        count, channels = self.segmentor.num_classes, self.segmentor.out_channels
        if channels != count:
            raise ValueError(
                f"segmentor: {channels} maps for {count} classes; a class can be "
                "switched off where each has a map of its own: set out_channels of the "
                "head to the number of classes"
            )
        if count != len(self.classes):
            raise ValueError(
                f"segmentor: {count} classes, but {len(self.classes)} names"
            )
        self.classifier = MODELS.build(classifier)
        self.register_buffer("columns", torch.arange(count))
        self.register_buffer("wanted", torch.full((count,), float("nan")), False)
        self.classifier_size = tuple(classifier_size)
        _register_normalisation(self, own, classifier_preprocessor)
        self.configure(switch, tau, min_pixels)
        if segmentor_checkpoint:
            names = self._load("segmentor", segmentor_checkpoint, segmentor_network)
            if names and tuple(names) != self.classes:
                raise ValueError(
                    f"{segmentor_checkpoint} has the classes {list(names)}, the config "
                    f"{list(self.classes)}"
                )
        if classifier_checkpoint:
            names = self._load("classifier", classifier_checkpoint, classifier_network)
            if not names:
                print_log(
                    f"{classifier_checkpoint} has no names of classes; the order of "
                    "classes could not be checked and is taken to be the segmentor's",
                    "current",
                    logging.WARNING,
                )
            self.match_classes(names or self._usual_names(), classifier_checkpoint)
        else:
            self.match_classes(self._usual_names(), "classifier")

    def configure(
        self, switch: str, tau: float = 0.2, min_pixels: float | Sequence[float] = 0
    ) -> None:
        """Choose the criterion that switches classes off; see the class."""
        if switch not in SWITCHES:
            raise ValueError(f"switch={switch!r}; allowed: {SWITCHES}")
        if not 0 <= tau <= 1:
            raise ValueError(f"tau={tau}; allowed: 0 to 1")
        count = len(self.classes)
        values = torch.as_tensor(min_pixels, dtype=torch.float32)
        if values.ndim and len(values) != count:
            raise ValueError(
                f"min_pixels has {len(values)} numbers for {count} classes"
            )
        self.switch, self.tau = switch, tau
        self.wanted.copy_(values)

    def _usual_names(self) -> list[str]:
        """Names of the outputs of a classifier without class names."""
        names = list(self.classes)
        if self.background is not None and self.classifier.num_classes < len(names):
            names.pop(self.background)
        return names

    def match_classes(self, names: Sequence[str], where: str) -> None:
        """Find each of the segmentor's classes among the classifier's, by name.

        The classifier may lack the background, which is never off.

        Raises:
            ValueError: If one is missing, or the numbers of outputs and names differ.
        """
        names = list(names)
        if self.classifier.num_classes != len(names):
            raise ValueError(
                f"{where}: the classifier has {self.classifier.num_classes} outputs "
                f"for {len(names)} classes"
            )
        known = {name: place for place, name in enumerate(names)}
        if self.background is not None:
            known.setdefault(self.classes[self.background], 0)
        missing = [name for name in self.classes if name not in known]
        if missing:
            raise ValueError(
                f"{where}: the classifier does not know the segmentor's classes "
                f"{missing}; it knows {names}"
            )
        places = [known[name] for name in self.classes]
        self.columns.copy_(torch.tensor(places))

    def _load(self, part: str, path: str, network: str) -> Sequence[str] | None:
        """Load a part's weights; return the names of the checkpoint's classes."""
        if network not in PREFIXES[part]:
            raise ValueError(f"{part}_network={network!r}; allowed: student, teacher")
        try:
            checkpoint = load_checkpoint_file(path)
        except FileNotFoundError as error:
            raise CheckpointError(f"{part}_checkpoint: {error}") from error
        state = checkpoint.get("state_dict", checkpoint)
        prefix = PREFIXES[part][network]
        if part == "classifier":
            self._check_loss(state, path)
        if any(name.startswith(tuple(PREFIXES[part].values())) for name in state):
            state = {
                name.removeprefix(prefix): value
                for name, value in state.items()
                if name.startswith(prefix)
            }
            if not state:
                other = next(name for name in PREFIXES[part] if name != network)
                raise CheckpointError(
                    f"{path} has no {network}; set model.{part}_network={other!r}"
                )
        try:
            getattr(self, part).load_state_dict(state)
        except RuntimeError as error:
            raise CheckpointError(
                f"{path} does not fit the config's {part}: {error}"
            ) from error
        meta = (checkpoint.get("meta") or {}).get("dataset_meta") or {}
        return meta.get("classes")

    def _check_loss(self, state: Mapping[str, Tensor], path: str) -> None:
        """Refuse a ``MultiLabelMeanTeacher`` that was trained with another loss."""
        if not any(k.startswith(tuple(PREFIXES["classifier"].values())) for k in state):
            return  # A bare classifier does not store its loss.
        trained = LABEL_LOSSES[int(state.get(LOSS_KEY, 0))]
        if trained != self.label_loss:
            raise CheckpointError(
                f"{path} was trained with label_loss={trained!r}, but model.label_loss="
                f"{self.label_loss!r}; set model.label_loss={trained!r}"
            )

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[SegDataSample] | None = None,
        mode: str = "tensor",
    ) -> Any:
        """Run in the mode of mmseg's models; 'tensor' gives the segmentor's own logits.

        Raises:
            ValueError: In mode 'loss', because the parts are trained separately.
        """
        if mode == "loss":
            raise ValueError("FusedSegmentor is not trained; train its two networks")
        if mode == "predict":
            return self.predict(inputs, data_samples)
        return self.segmentor(inputs, None, mode)

    def predict(
        self, inputs: Tensor, data_samples: list[SegDataSample] | None = None
    ) -> list[SegDataSample]:
        """Predict in the format of mmseg's segmentors, with classes switched off.

        Args:
            inputs: (N, 3, H, W), float.
            data_samples: N samples, or None.

        Returns:
            N samples. ``seg_logits`` is minus infinity for classes that are off,
            ``segmentor_logits`` are those of the segmentor, and ``pred_image_scores``,
            (C,), those of the classifier, if it is the criterion. The score of a
            background class that the classifier lacks is undefined.
        """
        results = self.segmentor(inputs, data_samples, mode="predict")
        scores = self.scores(inputs, results) if self.switch == "classifier" else None
        for i, sample in enumerate(results):
            logits = sample.seg_logits.data
            if scores is not None:
                on = scores[i] > self.tau
                sample.set_data({"pred_image_scores": scores[i]})
            elif self.switch == "pixels":
                counts = torch.bincount(
                    logits.argmax(0).flatten(), minlength=len(self.classes)
                )
                on = counts >= self.wanted
            else:
                on = torch.ones_like(self.columns, dtype=torch.bool)
            fused = switch_off(logits, on, self.background)
            sample.segmentor_logits = sample.seg_logits
            sample.seg_logits = PixelData(data=fused)
            sample.pred_sem_seg = PixelData(data=fused.argmax(0, keepdim=True))
        return results

    def scores(self, images: Tensor, samples: Sequence[SegDataSample]) -> Tensor:
        """The classifier's scores in the segmentor's order, (N, C), in 0..1.

        Args:
            images: (N, 3, H, W), float, normalised and padded for the segmentor.
            samples: N samples, with the sizes of the images without padding.
        """
        views = []
        for image, sample in zip(images, samples, strict=True):
            height, width = sample.metainfo.get("img_shape", image.shape[-2:])[:2]
            view = image[None, :, :height, :width]
            views.append(F.interpolate(view, self.classifier_size, mode="bilinear"))
        view = torch.cat(views) * self.scale + self.shift
        if self.swap_channels:
            view = view.flip(1)
        return probabilities(self.classifier(view), self.label_loss)[:, self.columns]


def switch_off(logits: Tensor, on: Tensor, background: int | None) -> Tensor:
    """Logits whose softmax is Eq. 7, normalised; it is 0 for classes that are off.

    Args:
        logits: (C, H, W), float.
        on: (C,), bool.
        background: Number of the class that is always on, or None.
    """
    if background is not None:
        on = on.clone()
        on[background] = True
    on = on | ~on.any()
    return logits.masked_fill(~on[:, None, None], float("-inf"))


def _register_normalisation(
    model: FusedSegmentor, own: dict[str, Any], cfg: dict[str, Any] | None
) -> None:
    """Register the affine map from one normalisation to the other."""
    cfg = dict(cfg or {})
    turned = bool(own.get("bgr_to_rgb") or own.get("rgb_to_bgr"))
    model.swap_channels = cfg.get("bgr_to_rgb", turned) != turned
    mean, std = _normalisation(own)
    other_mean, other_std = mean, std
    if cfg.get("mean") is not None:
        other_mean, other_std = _normalisation(cfg)
        if model.swap_channels:
            other_std, other_mean = other_std.flip(0), other_mean.flip(0)
    model.register_buffer("scale", (std / other_std).float(), False)
    model.register_buffer("shift", ((mean - other_mean) / other_std).float(), False)


def _normalisation(cfg: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of a preprocessor's config, each (3, 1, 1)."""
    if cfg.get("mean") is None:
        return torch.zeros(3, 1, 1), torch.ones(3, 1, 1)
    mean, std = (torch.tensor(cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    return mean, std
