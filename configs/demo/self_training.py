# Plain self-training on the generated scenes in three stages of 400 iterations: the
# network learns 16 masks, labels the other 512 images, and a new one learns both; then
# once more. Every stage sees 8 images in a step.
_base_ = [
    "../_base_/models/unet_tiny.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/adamw_demo.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    segmentor=_base_.model,
    objectives=dict(),
)
load, annotations = _base_.load, dict(type="LoadAnnotations")
augment = [_base_.flips, _base_.colors, _base_.pack]
labeled = dict(_base_.train_dataloader.dataset.sources.labeled)

param_scheduler = [dict(_base_.param_scheduler[0], end=400)]
train_cfg = dict(max_iters=400, val_interval=200)
supervised = dict(
    batch_size=8,
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(sources=dict(unlabeled=None)),
)
# Masks by hand and pseudo-masks come equally often: 32 times 16 are 512.
with_pseudo_masks = dict(
    batch_size=8,
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(
        sources=dict(
            unlabeled=None,
            labeled=dict(
                _delete_=True,
                type="ConcatDataset",
                datasets=[
                    dict(type="RepeatDataset", times=32, dataset=labeled),
                    dict(
                        type="PseudoMaskDataset",
                        store="{pseudo_masks}",
                        classes=_base_.metainfo.classes,
                        pipeline=[load, annotations, *augment],
                    ),
                ],
                # One has a list, the other a tuple.
                ignore_keys=["classes"],
            ),
        )
    ),
)
masks = dict(network="student", sources=["unlabeled"], flip=True, batch_size=32)
stages = [
    dict(name="stage1", changes=dict(train_dataloader=supervised)),
    dict(
        name="stage2",
        pseudo_masks=masks,
        changes=dict(train_dataloader=with_pseudo_masks),
    ),
    dict(
        name="stage3",
        pseudo_masks=masks,
        changes=dict(train_dataloader=with_pseudo_masks),
    ),
]
