# Three-stage self-training on Cityscapes at half resolution with 100 masks, from
# ImageNet weights (Ke et al. 2020, Table II). Where the paper says nothing, as its
# authors' code: frozen BatchNorm, the teacher's momenta, strengths of the augmentation.
# A step sees 5 images: one with its mask, and four of all images with pseudo-masks (the
# paper has the two numbers the other way round; README.md).
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/cityscapes.py",
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
lambda_1 = lambda_2 = 0.5
images = dict(batch_size=5, sampler=dict(ratio=dict(labeled=1, pseudo=4)))
consistency, task_2 = dict(weight=lambda_1), dict(weight=lambda_2)
# As many pixels as a hole has on VOC.
cutout = [
    dict(type="RandAugment", num_ops=3, prob=0.5, levels=(1, 9)),
    dict(type="Cutout", num_holes=3, size=32, ignore=False),
]
sources = dict(pseudo=dict(views=dict(pseudo_strong=cutout)))
method = dict(
    base="three_stage",
    stages=dict(
        stage2=dict(
            method=dict(
                teacher=teacher,
                objectives=dict(
                    consistency=consistency, pseudo_mask=dict(task_2, **g_hat)
                ),
                sources=sources,
            ),
            changes=dict(train_dataloader=images),
        ),
        stage3=dict(
            method=dict(
                teacher=teacher,
                objectives=dict(consistency=consistency, pseudo_mask=task_2),
                sources=sources,
            ),
            changes=dict(train_dataloader=images),
        ),
    ),
)
labeled = "split:cityscapes/unimatch_1_30_labeled.txt"
model = dict(
    backbone=dict(out_indices=(2, 3)), decode_head=dict(in_index=-1, num_classes=19)
)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(type="Resize", scale=(1024, 512), keep_ratio=True),
    dict(type="RandomCrop", crop_size=(256, 512), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(batch_size=5, dataset=dict(pipeline=train_pipeline))
