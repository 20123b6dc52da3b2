# Plain self-training on the generated scenes in three stages of 400 iterations: the
# network learns 16 masks, labels the other 512 images, and a new one learns both; then
# once more. Every stage sees 8 images in a step.
_base_ = [
    "../_base_/models/unet_tiny.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/adamw_demo.py",
]
# Masks by hand and pseudo-masks come equally often: 32 times 16 are 512.
both = dict(
    type="ConcatDataset",
    datasets=[
        dict(type="RepeatDataset", times=32, dataset=_base_.train_dataloader.dataset),
        dict(
            type="PseudoMaskDataset",
            store="{pseudo_masks}",
            classes=_base_.metainfo.classes,
            pipeline=_base_.train_pipeline,
        ),
    ],
    # One has a list, the other a tuple.
    ignore_keys=["classes"],
)
masks = dict(network="student", sources=["unlabeled"], flip=True, batch_size=32)
method = dict(
    stages=dict(
        stage1=dict(),
        stage2=dict(pseudo_masks=masks, labeled=both),
        stage3=dict(pseudo_masks=masks, labeled=both),
    )
)
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=400, by_epoch=False)
]
train_cfg = dict(max_iters=400, val_interval=200)
