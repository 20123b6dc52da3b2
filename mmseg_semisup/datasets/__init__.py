"""Sources of images, the stream that samples from them, views and their geometry.

Also reads stores of pseudo-masks, and checks the data of a config. Only
``annotation_files`` and ``core`` may be imported.
"""

from .albu import check_albumentations
from .coco_objects import COCOObjectsDataset
from .collate import branch_collate
from .color_jitter import ColorJitter, RandomGaussianBlur
from .cutout import Cutout
from .folder import FolderDataset
from .geometry import rescale, valid_mask, view_to_view, warp
from .image_labels import LoadImageLabels, PackImageLabels
from .load_channels import LoadChannels
from .load_pseudo_mask import LoadPseudoMask, PackPseudoMask
from .multi_view import MultiView
from .nearest_multiple import ResizeToNearestMultiple
from .noise_cutout import NoiseCutout
from .original_shape import SetOriginalShape
from .pseudo_masks import PseudoMaskDataset
from .rand_augment import RandAugment
from .random_intensity import RandomIntensity
from .random_rescale import RandomRescale
from .rare_class_crop import RareClassCrop
from .sampler import SampleKey, SourceSampler
from .semi_dataset import SemiDataset
from .two_crops import DrawTwoCrops, TakeCrop
from .unlabeled import UnlabeledDataset
from .view_geometry import register_appearance, register_geometry
from .voc_animals import VOCAnimalsDataset
from .weak_labels import WeakLabelDataset, read_image_labels, write_image_labels

__all__ = [
    "COCOObjectsDataset",
    "ColorJitter",
    "Cutout",
    "DrawTwoCrops",
    "FolderDataset",
    "LoadChannels",
    "LoadImageLabels",
    "LoadPseudoMask",
    "MultiView",
    "NoiseCutout",
    "PackImageLabels",
    "PackPseudoMask",
    "PseudoMaskDataset",
    "RandAugment",
    "RandomGaussianBlur",
    "RandomIntensity",
    "RandomRescale",
    "RareClassCrop",
    "ResizeToNearestMultiple",
    "SampleKey",
    "SemiDataset",
    "SetOriginalShape",
    "SourceSampler",
    "TakeCrop",
    "UnlabeledDataset",
    "VOCAnimalsDataset",
    "WeakLabelDataset",
    "branch_collate",
    "check_albumentations",
    "register_appearance",
    "register_geometry",
    "read_image_labels",
    "rescale",
    "valid_mask",
    "view_to_view",
    "warp",
    "write_image_labels",
]
