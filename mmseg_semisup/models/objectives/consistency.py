"""Consistency with a mean teacher under strong augmentation and mixing.

Tarvainen, Valpola: Mean teachers are better role models, NeurIPS 2017; French et al.:
Semi-supervised semantic segmentation needs strong, varied perturbations, BMVC 2020
(CutMix); Sohn et al.: FixMatch, NeurIPS 2020 (hard labels above a confidence); Ke et
al.: A Three-Stage Self-Training Framework, 2020, Eq. 1 (``threshold=0, mix='none'``).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_semisup.datasets.geometry import view_to_view, warp

from ..losses import joint_cross_entropy
from ..segmentors.step import Step
from .base import NetworkPass, Objective


@MODELS.register_module()
class ConsistencyObjective(Objective):
    """The student should say of a hard view what the teacher says of an easy one.

    The teacher's labels are carried through the geometry of the views. Pixels count by
    the share of the image's pixels in which the teacher is sure, as in French et al.:
    unsure ones are ignored, and the loss is the mean over all valid pixels.

    It publishes ``confidence``: (N, 1, H, W), the teacher's highest probability on the
    student's view, before mixing.

    Args:
        weight: Weight of the loss.
        threshold: Least confidence of the teacher for a pixel to count, in 0..1.
        teacher_branch: Branch that the teacher sees.
        student_branch: Branch that the student sees.
        plain_branches: Branches that both see as they are, unmixed; their pixels join
            the mean.
        mix: 'cutmix' pastes a rectangle of each image into its neighbour of the batch,
            images and labels alike; 'none' does not.
        mix_share: Least and greatest share of an image that the rectangle covers.
        start: Iteration from which on the loss counts.
        ramp: Iterations over which the weight then grows linearly from 0.

    Raises:
        ValueError: If an argument is out of its range.
    """

    needs_teacher = True

    def __init__(
        self,
        weight: float = 1.0,
        threshold: float = 0.95,
        teacher_branch: str = "unlabeled",
        student_branch: str = "unlabeled_strong",
        plain_branches: Sequence[str] = (),
        mix: str = "cutmix",
        mix_share: tuple[float, float] = (0.25, 0.5),
        start: int = 0,
        ramp: int = 0,
    ) -> None:
        super().__init__()
        if mix not in ("cutmix", "none"):
            raise ValueError(
                f"ConsistencyObjective: mix={mix!r}; allowed: 'cutmix', 'none'"
            )
        if not 0 <= threshold <= 1:
            raise ValueError(
                f"ConsistencyObjective: threshold={threshold}; allowed: 0 to 1"
            )
        if not 0 < mix_share[0] <= mix_share[1] <= 1:
            raise ValueError(
                f"ConsistencyObjective: mix_share={mix_share}; allowed: "
                "0 < least <= greatest <= 1"
            )
        self.weight = weight
        self.threshold = threshold
        self.teacher_branch = teacher_branch
        self.student_branch = student_branch
        self.plain_branches = tuple(plain_branches)
        self.mix = mix
        self.mix_share = mix_share
        self.start = start
        self.ramp = ramp

    def forward(self, step: Step) -> dict[str, Tensor]:
        """The loss, and the share of valid pixels in which the teacher is sure."""
        if step.iteration < self.start:
            return {}
        labels, valid = self.pseudo_labels(step)
        step.publish("confidence", lambda: self.confidence(step))
        images, branch = step.images(self.student_branch), self.student_branch
        sure = valid
        if self.threshold > 0:
            sure = valid & (step.signal("confidence").squeeze(1) >= self.threshold)
        labels = labels.masked_fill(~sure, step.ignore_index)
        share = sure.sum() / valid.sum().clamp(min=1)
        if self.mix == "cutmix":
            paste = random_boxes(images, self.mix_share)
            images, labels, valid = (
                torch.where(box, x.roll(1, dims=0), x)
                for x, box in (
                    (images, paste[:, None]),
                    (labels, paste),
                    (valid, paste),
                )
            )
            branch = f"{self.student_branch}_mixed"
            step.add_branch(branch, images, valid)
        targets = [(labels, valid)]
        targets += [self.plain_labels(step, plain) for plain in self.plain_branches]
        logits = [step.student(b).full_logits for b in (branch, *self.plain_branches)]
        loss = joint_cross_entropy(logits, [x for x, _ in targets], step.ignore_index)
        labelled = sum((x != step.ignore_index).sum() for x, _ in targets)
        counted = labelled / sum(x.sum() for _, x in targets).clamp(min=1)
        progress = (step.iteration - self.start + 1) / max(self.ramp, 1)
        return {
            f"{self.student_branch}.loss_consistency": (
                self.weight * min(progress, 1.0) * counted * loss
            ),
            f"{self.student_branch}.selected": share,
        }

    @torch.no_grad()
    def pseudo_labels(self, step: Step) -> tuple[Tensor, Tensor]:
        """Teacher's labels and valid pixels on the student's view.

        Each (N, H, W): int64 and bool.
        """
        # max is several times as fast as argmax.
        labels = step.teacher(self.teacher_branch).full_logits.max(dim=1).indices
        valid = step.valid(self.student_branch)
        carry = self._carry(step)
        if carry is None:
            return labels, valid
        size = tuple(valid.shape[-2:])
        seen = step.valid(self.teacher_branch)
        labels, inside = warp(labels, carry, size, "nearest", step.ignore_index)
        seen, _ = warp(seen.long(), carry, size, "nearest", 0)
        return labels, valid & inside[:, 0] & seen.bool()

    @torch.no_grad()
    def confidence(self, step: Step) -> Tensor:
        """Teacher's highest probability on the student's view, (N, 1, H, W)."""
        confidence = step.teacher(self.teacher_branch).probs.amax(dim=1, keepdim=True)
        carry = self._carry(step)
        if carry is None:
            return confidence
        size = tuple(step.images(self.student_branch).shape[-2:])
        return warp(confidence, carry, size, "bilinear", 0.0)[0]

    def _carry(self, step: Step) -> Tensor | None:
        """Homography from the teacher's view to the student's; None: they coincide."""
        if step.same_geometry(self.teacher_branch, self.student_branch):
            return None
        return view_to_view(
            step.homography(self.teacher_branch), step.homography(self.student_branch)
        )

    @torch.no_grad()
    def plain_labels(self, step: Step, branch: str) -> tuple[Tensor, Tensor]:
        """Teacher's sure labels and valid pixels of a branch; int64 and bool.

        Each (N, H, W); labels are ignored where the teacher is unsure.
        """
        output, valid = step.teacher(branch), step.valid(branch)
        labels = output.full_logits.max(dim=1).indices
        sure = valid
        if self.threshold > 0:
            sure = valid & (output.probs.amax(dim=1) >= self.threshold)
        return labels.masked_fill(~sure, step.ignore_index), valid

    def passes(self) -> list[NetworkPass]:
        """The teacher on the easy views, the student on the hard one."""
        plain = self.plain_branches
        return [
            *(NetworkPass("teacher", b, "none") for b in (self.teacher_branch, *plain)),
            *(
                NetworkPass("student", b, "weights")
                for b in (self.student_branch, *plain)
            ),
        ]

    def maps(self, probs: Tensor) -> dict[str, Tensor]:
        """How sure the predictions are."""
        return {"confidence": probs.amax(dim=1, keepdim=True)}


def random_boxes(images: Tensor, share: tuple[float, float]) -> Tensor:
    """A random rectangle in each image, (N, H, W), bool, drawn on the device.

    Args:
        images: (N, 3, H, W); gives size and device.
        share: Least and greatest share of the area.
    """
    count, _, height, width = images.shape
    device = images.device
    low, high = share
    area = low + (high - low) * torch.rand(count, 1, device=device)
    # log-uniform aspect: the side length is area ** u of the image's.
    stretch = torch.rand(count, 1, device=device)
    box_h, box_w = area**stretch * height, area ** (1 - stretch) * width
    top = torch.rand(count, 1, device=device) * (height - box_h)
    left = torch.rand(count, 1, device=device) * (width - box_w)
    rows = torch.arange(height, device=device) + 0.5
    columns = torch.arange(width, device=device) + 0.5
    in_rows = (rows >= top) & (rows < top + box_h)
    in_columns = (columns >= left) & (columns < left + box_w)
    return in_rows.unsqueeze(2) & in_columns.unsqueeze(1)
