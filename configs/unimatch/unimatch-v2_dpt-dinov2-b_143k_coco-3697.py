# UniMatch V2 on COCO with 3697 masks (Table 4): 20 epochs of 7161 steps. The list is in
# data_root, see README.md.
_base_ = [
    "../_base_/models/dpt_dinov2-b.py",
    "../_base_/datasets/coco_518.py",
    "../_base_/schedules/adamw_148k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
labeled = "splits/unimatch_3697_labeled.txt"
model = dict(decode_head=dict(num_classes=81))
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=143221, by_epoch=False)
]
train_cfg = dict(max_iters=143220, val_interval=14322)
default_hooks = dict(checkpoint=dict(interval=14322))
