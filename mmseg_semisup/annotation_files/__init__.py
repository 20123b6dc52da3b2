"""Formats of annotation tools: COCO, CVAT for images and Label Studio.

Only ``core`` may be imported.
"""

from .labels import Labels
from .shapes import Annotated, AnnotationError, Drawing, Region, Shape, find_regions

__all__ = [
    "Annotated",
    "AnnotationError",
    "Drawing",
    "Labels",
    "Region",
    "Shape",
    "find_regions",
]
