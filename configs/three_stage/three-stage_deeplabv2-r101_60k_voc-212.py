# Three-stage self-training on PASCAL VOC with 212 masks (1/50), from COCO weights
# (Ke et al. 2020, Table IV). Where the paper says nothing, as its authors' code:
# frozen BatchNorm, the teacher's momenta, strengths of the augmentation. A step sees 10
# images: one with its mask, and nine of all images with pseudo-masks (the paper has the
# two numbers the other way round; README.md).
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/adam_60k.py",
    "../_base_/default_runtime.py",
]
# Table VII: conv6 and ASPP_2 in stage 2, ASPP_3 in stage 3. Conv6 reads conv4.
g_hat = dict(
    stage=dict(
        type="ResNetLastStage",
        width=0.5,
        init_cfg=dict(type="Normal", layer="Conv2d", std=0.01),
    ),
    head=dict(in_channels=1024),
)
teacher = dict(ramp=False)
images = dict(batch_size=10, sampler=dict(ratio=dict(labeled=1, pseudo=9)))
method = dict(
    base="three_stage",
    stages=dict(
        stage2=dict(
            method=dict(teacher=teacher, objectives=dict(pseudo_mask=g_hat)),
            changes=dict(train_dataloader=images),
        ),
        stage3=dict(
            method=dict(teacher=teacher), changes=dict(train_dataloader=images)
        ),
    ),
)
labeled = "split:voc12aug/mittal_212_labeled.txt"
model = dict(
    backbone=dict(norm_eval=True, out_indices=(2, 3)), decode_head=dict(in_index=-1)
)
