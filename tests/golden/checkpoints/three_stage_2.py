_base_ = "_base.py"
# The least ResNet that has a stage before its last.
backbone = dict(
    type="ResNet",
    depth=18,
    base_channels=4,
    stem_channels=4,
    num_stages=2,
    strides=(1, 2),
    dilations=(1, 1),
    out_indices=(0, 1),
    norm_cfg=dict(type="BN"),
)
model = dict(
    segmentor=dict(
        backbone=dict(_delete_=True, **backbone), decode_head=dict(in_channels=8)
    ),
    objectives=[
        dict(
            type="ConsistencyObjective",
            threshold=0.0,
            mix="none",
            plain_branches=["labeled"],
        ),
        dict(
            type="PseudoMaskObjective",
            stage=dict(type="ResNetLastStage", backbone=backbone),
            head=dict(_base_.decode_head, in_channels=4),
            branch="unlabeled_strong",
            plain_branches=["labeled"],
        ),
    ],
)
