"""One training step as the objectives see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
import torch.nn as nn
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_semisup.datasets.geometry import valid_mask

from .seg_output import SegOutput


class Step:
    """The batch of a step, and what the networks say of it.

    Each network runs at most once on each branch, when somebody first asks. Objectives
    may add branches (a mixed image, say) and publish maps that later objectives and
    pictures read.

    Args:
        student: The segmentor that learns.
        teacher: Its exponential average, or None.
        images: Branch to (N, 3, H, W), float, preprocessed.
        samples: Branch to its N data samples.
        iteration: Training iterations before this one.
        ignore_index: Label of pixels that do not count.
    """

    def __init__(
        self,
        student: nn.Module,
        teacher: nn.Module | None,
        images: dict[str, Tensor],
        samples: dict[str, list[SegDataSample]],
        iteration: int,
        ignore_index: int = 255,
    ) -> None:
        self.iteration = iteration
        self.ignore_index = ignore_index
        # Who asks first may do so without gradients; others share what it gets.
        self._grad = torch.is_grad_enabled()
        self._networks = {"student": student, "teacher": teacher}
        self._images = dict(images)
        self._samples = dict(samples)
        self._valid: dict[str, Tensor] = {}
        self._labels: dict[str, Tensor] = {}
        self._outputs: dict[tuple[str, str], SegOutput] = {}
        self._signals: dict[str, Callable[[], Tensor] | Tensor] = {}

    def images(self, branch: str) -> Tensor:
        """Images of a branch, (N, 3, H, W), float.

        Raises:
            ValueError: If the batch has no such branch.
        """
        if branch not in self._images:
            raise ValueError(
                f"an objective asks for the branch {branch!r}, but the batch has "
                f"{sorted(self._images)}; branches are the sources of SemiDataset and "
                "the views of MultiView in train_dataloader"
            )
        return self._images[branch]

    def samples(self, branch: str) -> list[SegDataSample]:
        """Data samples of a branch, N of them."""
        self.images(branch)
        return self._samples[branch]

    def student(self, branch: str) -> SegOutput:
        """The student's outputs on a branch, with gradients."""
        return self._output("student", branch)

    def teacher(self, branch: str) -> SegOutput:
        """The teacher's outputs on a branch, without gradients."""
        return self._output("teacher", branch)

    def _output(self, name: str, branch: str) -> SegOutput:
        if (name, branch) not in self._outputs:
            network = self._networks[name]
            if network is None:
                raise ValueError(
                    "an objective asks for the teacher, but the model has none; set "
                    "teacher=dict(momentum=...) in SemiSegmentor"
                )
            images = self.images(branch)
            grad = self._grad and name == "student"
            self._outputs[name, branch] = SegOutput(network, images, grad)
        return self._outputs[name, branch]

    def top_classes(self) -> dict[str, Tensor]:
        """How much of what was predicted of each unlabelled branch is one class.

        Returns:
            'BRANCH.top_class' to the share of the most frequent class, a scalar in
            0..1, of the student or the teacher, whichever is larger.
        """
        shares: dict[str, Tensor] = {}
        for (_, branch), output in self._outputs.items():
            labeled = all("gt_sem_seg" in sample for sample in self.samples(branch))
            if labeled or not output.has_logits:
                continue
            classes = output.logits.detach().argmax(dim=1)
            numbers = range(output.logits.shape[1])
            counts = [(classes == number).sum() for number in numbers]
            share = torch.stack(counts).amax() / classes.numel()
            key = f"{branch}.top_class"
            shares[key] = torch.maximum(share, shares.get(key, share))
        return shares

    def labels(self, branch: str) -> Tensor:
        """Ground truth of a branch, (N, H, W), int64, ignored pixels included.

        Raises:
            ValueError: If its samples carry no masks.
        """
        if branch not in self._labels:
            samples = self.samples(branch)
            if not all("gt_sem_seg" in sample for sample in samples):
                raise ValueError(f"the samples of branch {branch!r} have no masks")
            masks = [sample.gt_sem_seg.data for sample in samples]
            self._labels[branch] = torch.stack(masks).squeeze(1)
        return self._labels[branch]

    def valid(self, branch: str) -> Tensor:
        """Pixels of a branch that count, (N, H, W), bool.

        With masks: those whose label is not ignored. Without: those that show the
        image, not its padding or a border that a rotation laid open.
        """
        if branch not in self._valid:
            samples = self.samples(branch)
            if all("gt_sem_seg" in sample for sample in samples):
                mask = self.labels(branch) != self.ignore_index
            else:
                mask = _visible(samples, self.images(branch))
            self._valid[branch] = mask
        return self._valid[branch]

    def homography(self, branch: str) -> Tensor:
        """From pixels of the decoded image to pixels of the view, (N, 3, 3), float64.

        Raises:
            ValueError: If the branch is no view of ``MultiView``.
        """
        samples = self.samples(branch)
        if not all("homography" in sample.metainfo for sample in samples):
            raise ValueError(
                f"branch {branch!r} does not record its geometry; make it a view of "
                "MultiView in the pipeline"
            )
        stacked = torch.stack([sample.homography for sample in samples])
        return stacked.to(self.images(branch).device, non_blocking=True)

    def same_geometry(self, first: str, second: str) -> bool:
        """Whether two branches show the same pixels at the same places."""
        pairs = zip(self.samples(first), self.samples(second), strict=True)
        return self.images(first).shape == self.images(second).shape and all(
            torch.equal(a.homography, b.homography) for a, b in pairs
        )

    def add_branch(
        self, name: str, images: Tensor, valid: Tensor, like: str | None = None
    ) -> None:
        """Add images that an objective made; networks can then be asked about them.

        Args:
            name: New branch.
            images: (N, 3, H, W), float, preprocessed.
            valid: (N, H, W), bool.
            like: Branch whose samples describe them, if any.
        """
        if name in self._images:
            raise ValueError(f"the batch already has a branch {name!r}")
        self._images[name] = images
        self._valid[name] = valid
        self._samples[name] = self._samples[like] if like else []

    def publish(self, name: str, make: Callable[[], Tensor]) -> None:
        """Offer a map to later objectives; it is made when first asked for."""
        self._signals[name] = make

    def signal(self, name: str) -> Tensor:
        """A map that an earlier objective published.

        Raises:
            ValueError: If none did.
        """
        if name not in self._signals:
            raise ValueError(
                f"no objective before this one publishes {name!r} (published: "
                f"{sorted(self._signals)}); the order of `objectives` matters"
            )
        value = self._signals[name]
        if not isinstance(value, Tensor):
            value = self._signals[name] = value()
        return value


@contextmanager
def explained_batch_norm(images: Mapping[str, Tensor]) -> Iterator[None]:
    """Say what to change if batch statistics of a single value are asked for.

    Args:
        images: Branch to (N, 3, H, W), float.

    Raises:
        ValueError: In place of torch's, which names no batch size.
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


def _visible(samples: list[SegDataSample], images: Tensor) -> Tensor:
    """Pixels of the batch that show the image, (N, H, W), bool."""
    height, width = images.shape[-2:]
    shapes = torch.tensor([sample.img_shape[:2] for sample in samples])
    shapes = shapes.to(images.device, non_blocking=True)
    rows = torch.arange(height, device=images.device)
    columns = torch.arange(width, device=images.device)
    visible = (rows < shapes[:, :1]).unsqueeze(2) & (columns < shapes[:, 1:]).unsqueeze(
        1
    )
    if all("homography" in sample.metainfo for sample in samples):
        homography = torch.stack([sample.homography for sample in samples])
        source = torch.tensor([sample.source_shape for sample in samples])
        visible = visible & valid_mask(
            homography.to(images.device, non_blocking=True),
            source.to(images.device, non_blocking=True),
            (height, width),
        ).squeeze(1)
    return visible
