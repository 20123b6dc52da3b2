# A mean teacher with CutOut on Cityscapes with 372 masks, without changes of colours.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/cityscapes_256x512.py",
    "../_base_/schedules/adam_40k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="cutout",
    objectives=dict(consistency=dict(student_branch="unlabeled")),
    views=dict(unlabeled_strong=None),
)
labeled = "split:cityscapes/unimatch_1_8_labeled.txt"
model = dict(decode_head=dict(num_classes=19))
