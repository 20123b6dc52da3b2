"""One training step: views of a batch, and the outputs of networks on them.

This package holds the arguments of objectives and policies, and finds the prediction of
any mmseg segmentor. Of ``models``, only single modules such as ``models.upsample`` may
be imported.
"""

from .seg_output import SegOutput
from .step import Step
from .view import View

__all__ = ["SegOutput", "Step", "View"]
