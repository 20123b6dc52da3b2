# UniMatch V2 on COCO with 232 masks (Table 4): 20 epochs of 7378 steps. The list is in
# data_root, see README.md.
_base_ = [
    "../_base_/models/dpt_dinov2-b.py",
    "../_base_/datasets/coco_518.py",
    "../_base_/schedules/adamw_148k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
labeled = "splits/unimatch_232_labeled.txt"
model = dict(decode_head=dict(num_classes=81))
default_hooks = dict(checkpoint=dict(interval=14756))
