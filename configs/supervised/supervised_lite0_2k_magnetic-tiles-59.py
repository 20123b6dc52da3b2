# The baseline that 59 masks of magnetic tiles give: seven tenths show no defect, two of
# them a crack and two a fray.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/magnetic_tiles.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
method = "supervised"
labeled = "splits/seed0_1_16_labeled.txt"
model = dict(decode_head=dict(num_classes=6))
default_hooks = dict(checkpoint=dict(interval=500))
