"""Which classes an image shows."""

from .consistency import LabelConsistency, consistency_loss, label_loss
from .mean_teacher import MultiLabelMeanTeacher
from .multi_label import MultiLabelClassifier

__all__ = [
    "LabelConsistency",
    "MultiLabelClassifier",
    "MultiLabelMeanTeacher",
    "consistency_loss",
    "label_loss",
]
