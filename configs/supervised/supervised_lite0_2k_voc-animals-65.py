# The baseline that 65 masks give: the labelled half of the other methods' batches, the
# same images in the same order.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
method = "supervised"
labeled = "splits/unimatch183_labeled.txt"
model = dict(decode_head=dict(num_classes=7))
default_hooks = dict(checkpoint=dict(interval=500))
