# FixMatch without a teacher, in UniMatch's setting, on Cityscapes with 186 masks, every
# pixel selected: 240 epochs of 348 steps.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16_unimatch_cityscapes.py",
    "../_base_/datasets/cityscapes_801.py",
    "../_base_/schedules/sgd_84k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="fixmatch_student", objectives=dict(unimatch=dict(threshold=0.0)))
labeled = "split:cityscapes/unimatch_1_16_labeled.txt"
default_hooks = dict(checkpoint=dict(interval=3480))
