"""Discriminators."""

from .fc_discriminator import FCDiscriminator
from .image_discriminator import ImageDiscriminator

__all__ = ["FCDiscriminator", "ImageDiscriminator"]
