# As the published code: cosine distance between logits, unlabelled images only, a linear
# ramp, and a teacher that normalises by its batches.
_base_ = ["./mlmt_r101_3k_voc-1_20.py"]
model = dict(
    teacher=dict(norm="own"),
    consistency=dict(kind="cosine", branches=("unlabeled",), ramp_shape="linear"),
)
