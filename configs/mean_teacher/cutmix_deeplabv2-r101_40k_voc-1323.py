# A mean teacher with CutMix as French et al. have it, on PASCAL VOC with 1323 masks: the
# block `cutout` with half of each image pasted in instead of erased.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/adam_40k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="cutout",
    objectives=dict(
        consistency=dict(mix=dict(_delete_=True, type="CutMix", area=(0.5, 0.5))),
    ),
)
labeled = "split:voc12aug/mittal_1323_labeled.txt"
