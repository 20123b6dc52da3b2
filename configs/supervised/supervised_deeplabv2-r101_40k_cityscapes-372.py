# The baseline of AdvSemiSeg on Cityscapes with 1/8 of the masks.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/cityscapes.py",
    "../_base_/schedules/sgd_40k.py",
    "../_base_/default_runtime.py",
]
method = "supervised"
labeled = "split:cityscapes/unimatch_1_8_labeled.txt"
model = dict(decode_head=dict(num_classes=19))
