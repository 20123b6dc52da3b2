"""One training step: views of a batch, and the outputs of networks on them.

Lives here: what objectives and policies are handed, and how the prediction of any mmseg
segmentor is read. Of ``models``, only single modules such as ``models.upsample`` may be
imported.
"""

from .seg_output import SegOutput
from .step import Step
from .view import View

__all__ = ["SegOutput", "Step", "View"]
