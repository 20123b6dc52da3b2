"""Discriminators of label maps and of images.

Nothing else of ``models`` may be imported.
"""

from .fc_discriminator import FCDiscriminator
from .image_discriminator import ImageDiscriminator

__all__ = ["FCDiscriminator", "ImageDiscriminator"]
