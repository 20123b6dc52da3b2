# Latent classes on PASCAL VOC with 1/8 of the masks, as the paper has it (section 4.1):
# two ASPP heads on one backbone, 20 latent classes, and AdvSemiSeg's adversary, whose
# discriminator sees labelled and unlabelled predictions from the beginning.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="latent_classes")
labeled = "split:voc12aug/mittal_1322_labeled.txt"
# Both heads learn ten times as fast as the backbone.
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(latent_branch=dict(lr_mult=10.0)))
)
