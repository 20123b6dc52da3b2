# AdvSemiSeg on PASCAL VOC with 1/8 of the masks, as the paper has it (section 5,
# Table 9): the discriminator learns from labelled images only, and unlabelled images
# teach from iteration 5000 on.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="adv_semi_seg")
labeled = "split:voc12aug/mittal_1322_labeled.txt"
