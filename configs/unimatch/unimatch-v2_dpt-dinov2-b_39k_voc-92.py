# UniMatch V2 on PASCAL VOC with 92 masks (Table 1): 60 epochs of 655 steps.
_base_ = [
    "../_base_/models/dpt_dinov2-b.py",
    "../_base_/datasets/pascal_voc12_aug_518.py",
    "../_base_/schedules/adamw_39k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
labeled = "split:voc12aug/unimatch_92_labeled.txt"
default_hooks = dict(checkpoint=dict(interval=3275))
