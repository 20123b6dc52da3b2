# Context-aware consistency on a CPU: seven classes of VOC, 65 masks and 1092 images
# without. Weight, thresholds and the share of the schedule before the start are the
# paper's; the features of a 128x128 crop are 16x16.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
# 8 images, 2 crops, 16x16 features; and those of the step before.
method = dict(
    base="context_aware", objectives=dict(context_contrast=dict(bank_size=4096))
)
labeled = "splits/unimatch183_labeled.txt"
model = dict(decode_head=dict(num_classes=7))
default_hooks = dict(checkpoint=dict(interval=500))
