# A mean teacher with CutMix as French et al. have it, on Cityscapes with 372 masks: the
# block `cutout` with half of each image pasted in instead of erased. No colours are changed
# there: the student sees the teacher's view, mixed.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/cityscapes_256x512.py",
    "../_base_/schedules/adam_40k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="cutout",
    objectives=dict(
        consistency=dict(
            student_branch="unlabeled",
            mix=dict(_delete_=True, type="CutMix", area=(0.5, 0.5)),
        ),
    ),
    views=dict(unlabeled_strong=None),
)
labeled = "split:cityscapes/unimatch_1_8_labeled.txt"
model = dict(decode_head=dict(num_classes=19))
