"""Pictures of signals, features, scores and predictions, and the hooks that save them.

``engine`` and the layers below it may be imported.
"""

from .contexts import ContextPictureHook
from .latent_class_hook import LatentClassHook
from .legend_visualizer import SegLegendVisualizer
from .score_curve_hook import ScoreCurveHook
from .shown_predictions_hook import ShownPredictionsHook
from .signal_picture_hook import SignalPictureHook

__all__ = [
    "ContextPictureHook",
    "LatentClassHook",
    "ScoreCurveHook",
    "SegLegendVisualizer",
    "ShownPredictionsHook",
    "SignalPictureHook",
]
