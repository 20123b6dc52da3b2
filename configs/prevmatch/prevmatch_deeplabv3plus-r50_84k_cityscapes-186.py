# PrevMatch on Cityscapes with 186 masks: every pixel is learnt, and with labels of previous
# students each image by its mean confidence; 240 epochs of 348 steps.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16_unimatch_cityscapes.py",
    "../_base_/datasets/cityscapes_801.py",
    "../_base_/schedules/sgd_84k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="prevmatch",
    objectives=dict(
        unimatch=dict(threshold=0.0),
        previous=dict(threshold=0.0, select=dict(type="MeanConfidence")),
    ),
)
labeled = "split:cityscapes/unimatch_1_16_labeled.txt"
# 200,000 pixels for the four images of each of the authors' two GPUs.
model = dict(decode_head=dict(loss_decode=dict(min_kept_per_image=50_000)))
default_hooks = dict(checkpoint=dict(interval=3480))
