# UniMatch V2 on ADE20K with 316 masks (Table 3): 60 epochs of 2486 steps. The list is
# in data_root, see README.md.
_base_ = [
    "../_base_/models/dpt_dinov2-b.py",
    "../_base_/datasets/ade20k_518.py",
    "../_base_/schedules/adamw_149k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
labeled = "splits/unimatch_316_labeled.txt"
model = dict(decode_head=dict(num_classes=150))
default_hooks = dict(checkpoint=dict(interval=12430))
