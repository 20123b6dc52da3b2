# UniMatch V2 without its dropout of channels, on a CPU: two strong views of each of 1092
# images, 65 masks.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="unimatch_v2", objectives=dict(unimatch=dict(perturb=None)))
labeled = "splits/unimatch183_labeled.txt"
model = dict(decode_head=dict(num_classes=7))
default_hooks = dict(checkpoint=dict(interval=500))
