# The same as the authors' code does it (README). Its weight is 1, which 4 GPUs divide.
_base_ = ["./u2pl_deeplabv3plus-r101_50k_voc-662.py"]
method = dict(
    teacher=dict(norm="own"),
    objectives=dict(
        consistency=dict(
            labels_from=dict(type="NetworkLabels", network="teacher", evaluation=True),
        ),
        contrast=dict(
            weight=0.25,
            anchors="lowest",
            positives="labels",
            negatives="own_label",
            order="position",
        ),
    ),
)
