# Latent classes on Cityscapes with 1/8 of the masks (Table 2): crops of 505 x 505 pixels
# of scaled images, two of each kind a step. As AdvSemiSeg, with which the paper compares
# itself, this trains and scores at half the resolution; the paper does not say.
# Unlabelled images teach from iteration 5000 on, as on VOC.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/cityscapes.py",
    "../_base_/schedules/sgd_40k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="latent_classes", objectives=dict(latent_class=dict(start=5000)))
labeled = "split:cityscapes/unimatch_1_8_labeled.txt"
model = dict(decode_head=dict(num_classes=19))
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(
        type="RandomResize", scale=(1024, 512), ratio_range=(0.5, 1.5), keep_ratio=True
    ),
    dict(type="RandomCrop", crop_size=(505, 505), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(latent_branch=dict(lr_mult=10.0)))
)
