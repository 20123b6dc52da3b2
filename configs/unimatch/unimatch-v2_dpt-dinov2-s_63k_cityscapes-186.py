# UniMatch V2 on Cityscapes with 186 masks (Table 2): 180 epochs of 348 steps.
_base_ = [
    "../_base_/models/dpt_dinov2-s_cityscapes.py",
    "../_base_/datasets/cityscapes_798.py",
    "../_base_/schedules/adamw_63k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
labeled = "split:cityscapes/unimatch_1_16_labeled.txt"
default_hooks = dict(checkpoint=dict(interval=3480))
