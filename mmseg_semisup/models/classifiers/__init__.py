"""Classifiers of whole images, which predict the classes that an image shows.

``models.teacher`` may be imported.
"""

from .activation_maps import activation_maps, merge_maps, seed_labels
from .consistency import LabelConsistency, consistency_loss, label_loss
from .mean_teacher import MultiLabelMeanTeacher
from .multi_label import MultiLabelClassifier

__all__ = [
    "LabelConsistency",
    "MultiLabelClassifier",
    "MultiLabelMeanTeacher",
    "activation_maps",
    "consistency_loss",
    "label_loss",
    "merge_maps",
    "seed_labels",
]
