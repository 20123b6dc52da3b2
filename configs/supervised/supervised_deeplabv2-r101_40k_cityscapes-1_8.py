# The baseline of AdvSemiSeg on Cityscapes with 1/8 of the masks.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/cityscapes.py",
    "../_base_/schedules/sgd_40k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor),
    segmentor=dict(
        _base_.model,
        decode_head=dict(_base_.model.decode_head, num_classes=19),
    ),
    objectives=dict(),
)
train_dataloader = dict(
    batch_size=2,
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(
        sources=dict(
            _delete_=True, labeled=_base_.train_dataloader.dataset.sources.labeled
        )
    ),
)
