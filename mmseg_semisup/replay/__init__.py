"""Repeats a training step whose loss or gradients were not finite, from its file.

``read`` checks the file, ``rebuild`` makes the model of it, ``run`` repeats the step in
as many processes as it had, ``trace`` follows all operators, and ``report`` says where
the first NaN or infinity begins. ``engine`` and the layers below it may be imported.
"""

from .run import replay

__all__ = ["replay"]
