# As the published code: cosine distance between logits, unlabelled images only, a linear
# ramp, a teacher that normalises by its batches, and labelled images that are only
# flipped.
_base_ = ["./mlmt_r101_3k_voc-1_20.py"]
model = dict(
    teacher=dict(norm="own"),
    consistency=dict(kind="cosine", branches=("unlabeled",), ramp_shape="linear"),
)
views = dict(labeled=[_base_.flip, _base_.pack])
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            labeled=dict(
                pipeline=[
                    *_base_.with_labels,
                    dict(type="MultiView", shared=[_base_.squash], views=views),
                ],
            ),
        ),
    ),
)
