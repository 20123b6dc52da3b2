# s4GAN on Cityscapes with 1/8 of the masks (Table 4): crops of 256x512 of images at half
# resolution, five of each kind a step; gamma 0.7, and a slower discriminator.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/cityscapes.py",
    "../_base_/schedules/sgd_35k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="s4gan",
    objectives=dict(feature_matching=dict(gamma=0.7)),
    optim_wrapper=dict(discriminator=dict(optimizer=dict(lr=1e-5))),
)
labeled = "split:cityscapes/unimatch_1_8_labeled.txt"
model = dict(decode_head=dict(num_classes=19))
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations"),
    dict(type="Resize", scale=(1024, 512), keep_ratio=True),
    dict(type="RandomCrop", crop_size=(256, 512), cat_max_ratio=1.0),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackSegInputs"),
]
train_dataloader = dict(batch_size=5, dataset=dict(pipeline=train_pipeline))
default_hooks = dict(checkpoint=dict(interval=2500))
