# UniMatch V2 on ADE20K with 631 masks (Table 3): 60 epochs of 2447 steps. The list is
# in data_root, see README.md.
_base_ = [
    "../_base_/models/dpt_dinov2-b.py",
    "../_base_/datasets/ade20k_518.py",
    "../_base_/schedules/adamw_149k.py",
    "../_base_/default_runtime.py",
]
method = "unimatch_v2"
labeled = "splits/unimatch_631_labeled.txt"
model = dict(decode_head=dict(num_classes=150))
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=146821, by_epoch=False)
]
train_cfg = dict(max_iters=146820, val_interval=12235)
default_hooks = dict(checkpoint=dict(interval=12235))
