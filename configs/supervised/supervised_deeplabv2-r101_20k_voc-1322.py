# The baseline of AdvSemiSeg: the same network, schedule and labelled images.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
method = "supervised"
labeled = "split:voc12aug/mittal_1322_labeled.txt"
