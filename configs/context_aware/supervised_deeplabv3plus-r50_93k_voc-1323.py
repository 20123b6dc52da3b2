# The baseline: DeepLabv3+ with ResNet-50 on VOC from the masks alone.
_base_ = ["./context-aware_deeplabv3plus-r50_93k_voc-1323.py"]
model = dict(objectives=dict(_delete_=True))
train_dataloader = dict(
    batch_size=8,
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(
        sources=dict(
            _delete_=True, labeled=_base_.train_dataloader.dataset.sources.labeled
        )
    ),
)
