# The baseline: the same labelled batches, network and schedule, and nothing else.
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
# The labelled half of the other methods' batches: the same images in the same order.
train_dataloader = dict(
    batch_size=8,
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(
        sources=dict(
            _delete_=True, labeled=_base_.train_dataloader.dataset.sources.labeled
        )
    ),
)
