"""One branch of a batch: its images, their valid pixels, labels and geometry."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_semisup.core.sending import padding
from mmseg_semisup.datasets.geometry import rescale, valid_mask, view_to_view, warp

Size = tuple[int, int]
PSEUDO_MASK = "pseudo_sem_seg"


class Counterparts(NamedTuple):
    """For each feature of a view, the feature of another view at the same position.

    Attributes:
        indices: (N, h, w), int64, in 0..h2*w2-1 of the other view's map; 0 where the
            other view does not show the position.
        overlap: (N, h, w), bool, whether both views show the position.
    """

    indices: Tensor
    overlap: Tensor


class View:
    """Named images of a step; their labels and valid pixels are computed on demand.

    Args:
        name: Name of the source or of the view of ``MultiView``.
        images: (N, 3, H, W), float, preprocessed.
        samples: Their N data samples; empty for images made by an objective.
        ignore_index: Label of pixels that do not count.
        valid: (N, H, W), bool, the valid pixels; None: read from the samples.
    """

    def __init__(
        self,
        name: str,
        images: Tensor,
        samples: Sequence[SegDataSample] = (),
        ignore_index: int = 255,
        valid: Tensor | None = None,
    ) -> None:
        self.name = name
        self.images = images
        self.samples = list(samples)
        self.ignore_index = ignore_index
        if valid is not None:
            self.valid = valid

    def __repr__(self) -> str:
        """Name, number and size of the images."""
        return f"View({self.name!r}, {len(self)} images of {self.size})"

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def size(self) -> Size:
        """Height and width of the images, in pixels."""
        height, width = self.images.shape[-2:]
        return height, width

    @property
    def has_labels(self) -> bool:
        """Whether every sample carries a mask."""
        return all("gt_sem_seg" in sample for sample in self.samples)

    @cached_property
    def labels(self) -> Tensor:
        """Ground truth, (N, H, W), int64, including ignored pixels.

        Raises:
            ValueError: If the samples carry no masks.
        """
        if not self.samples or not self.has_labels:
            raise ValueError(f"the samples of branch {self.name!r} have no masks")
        masks = [sample.gt_sem_seg.data for sample in self.samples]
        return torch.stack(masks).squeeze(1)

    @cached_property
    def pseudo_masks(self) -> Tensor:
        """Pseudo-masks of the samples, (N, H, W), int64.

        Raises:
            ValueError: If the samples carry no pseudo-masks.
        """
        if not self.samples or not all(PSEUDO_MASK in s for s in self.samples):
            raise ValueError(
                f"the samples of branch {self.name!r} have no pseudo-masks; put "
                "LoadPseudoMask after LoadAnnotations, and PackPseudoMask in place of "
                "PackSegInputs, into its pipeline, or leave the branch out of "
                "plain_branches"
            )
        height, width = self.size
        masks = [sample.get(PSEUDO_MASK).data[0] for sample in self.samples]
        if any(mask.shape != (height, width) for mask in masks):
            # Padded at the right and at the bottom, like the images.
            masks = [
                F.pad(
                    mask,
                    (0, width - mask.shape[1], 0, height - mask.shape[0]),
                    value=self.ignore_index,
                )
                for mask in masks
            ]
        return torch.stack(masks)

    @cached_property
    def valid(self) -> Tensor:
        """Valid pixels, (N, H, W), bool.

        With masks: pixels whose label is not ignored. Without: pixels of the image,
        outside of its padding and of borders that a rotation exposed.
        """
        if self.has_labels:
            return self.labels != self.ignore_index
        return self._visible()

    @cached_property
    def homography(self) -> Tensor:
        """Homography from the decoded image to the view, (N, 3, 3), float64.

        Raises:
            ValueError: If the branch is no view of ``MultiView``.
        """
        if not self._has_geometry:
            raise ValueError(
                f"branch {self.name!r} does not record its geometry; make it a view of "
                "MultiView in the pipeline"
            )
        stacked = torch.stack([sample.homography for sample in self.samples])
        return stacked.to(self.images.device, non_blocking=True)

    @property
    def _has_geometry(self) -> bool:
        return bool(self.samples) and all(
            "homography" in sample.metainfo for sample in self.samples
        )

    def coincides_with(self, other: View) -> bool:
        """Whether both views show the same pixels at the same positions."""
        if self.name == other.name:
            return True
        pairs = zip(self.samples, other.samples, strict=True)
        return self.images.shape == other.images.shape and all(
            torch.equal(a.homography, b.homography) for a, b in pairs
        )

    def warp_from(
        self, other: View, maps: Tensor, mode: str = "bilinear", fill: float = 0.0
    ) -> tuple[Tensor, Tensor | None]:
        """Warp dense maps of another view of the same images to this one.

        Args:
            other: The view that the maps belong to.
            maps: (N, C, H', W'), or label maps (N, H', W'), of the size of that view.
            mode: 'bilinear' (floating point only) or 'nearest'.
            fill: Value of pixels that the other view does not show.

        Returns:
            The maps at this view's size; and (N, H, W), bool, the pixels inside the
            other view's images, or None if the views coincide.

        Raises:
            ValueError: If a view does not record its geometry.
        """
        if self.coincides_with(other):
            return maps, None
        carry = view_to_view(other.homography, self.homography)
        warped, inside = warp(maps, carry, self.size, mode, fill)
        return warped, inside[:, 0]

    def counterparts_in(self, other: View, sizes: tuple[Size, Size]) -> Counterparts:
        """For each feature of this view, find that of another one at the same position.

        The homographies of the views are used, so any geometry and stride is allowed.
        If the grids of features do not coincide, the nearest feature is taken.

        Args:
            other: The other view.
            sizes: (h, w) of the features of this view and of the other.

        Raises:
            ValueError: If a view does not record its geometry.
        """
        size, other_size = sizes
        carry = rescale(
            view_to_view(other.homography, self.homography),
            other.size,
            other_size,
            self.size,
            size,
        )
        height, width = other_size
        indices = torch.arange(height * width, device=carry.device)
        # A negative number marks features that show padding.
        shown = other.shown_features(other_size)
        indices = torch.where(shown, indices.view(1, height, width), -1)
        indices, _ = warp(indices, carry, size, "nearest", -1)
        overlap = (indices >= 0) & self.shown_features(size)
        return Counterparts(indices.clamp(min=0), overlap)

    def shown_features(self, size: Size) -> Tensor:
        """Features whose pixels are all valid, (N, h, w), bool, for a map of a size."""
        share = F.adaptive_avg_pool2d(self.valid.float().unsqueeze(1), size)
        return share.squeeze(1) > 0.999

    @cached_property
    def unpadded(self) -> Tensor:
        """Pixels that are no padding, whatever they show, (N, H, W), bool."""
        shapes = [sample.img_shape[:2] for sample in self.samples]
        return ~padding(shapes, self.size, self.images.device).squeeze(1)

    def _visible(self) -> Tensor:
        """Pixels of the image without padding, (N, H, W), bool."""
        visible = self.unpadded
        if self._has_geometry:
            source = torch.tensor([sample.source_shape for sample in self.samples])
            source = source.to(self.images.device, non_blocking=True)
            visible = visible & valid_mask(self.homography, source, self.size).squeeze(
                1
            )
        return visible
