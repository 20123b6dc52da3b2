"""Discriminators of label maps and of images. Nothing of this package is imported."""

from .fc_discriminator import FCDiscriminator
from .image_discriminator import ImageDiscriminator

__all__ = ["FCDiscriminator", "ImageDiscriminator"]
