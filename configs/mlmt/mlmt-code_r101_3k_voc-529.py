# As the published code: cosine distance between logits, unlabelled images only, a linear
# ramp, a teacher that normalises by its batches, among them the student's labelled ones,
# and whose first momentum is 0.5, and labelled images that are only flipped. Both networks
# see unlabelled images from the first iteration on, for their running statistics.
# What remains different: the teacher starts from the student's last layer, not from a
# random one of its own; learning rate and ramp advance in every iteration, not once an
# epoch.
_base_ = ["./mlmt_r101_3k_voc-529.py"]
method = dict(
    model=dict(
        teacher=dict(norm="own", ramp="half"),
        consistency=dict(
            kind="cosine",
            branches=("unlabeled",),
            ramp_shape="linear",
            run_before_start=True,
            statistics_views=("labeled",),
        ),
    ),
    labeled=dict(
        views=dict(_delete_=True, labeled=[dict(type="RandomFlip", prob=0.5)])
    ),
)
