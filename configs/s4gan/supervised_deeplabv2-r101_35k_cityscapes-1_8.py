# DeepLabv2 of Table 4: 1/8 of the masks alone, five images a step.
_base_ = ["./s4gan_deeplabv2-r101_35k_cityscapes-1_8.py"]
model = dict(objectives=dict(_delete_=True))
optim_wrapper = dict(
    _delete_=True,
    **{k: v for k, v in _base_.optim_wrapper.items() if k != "discriminator"},
)
custom_hooks = [h for h in _base_.custom_hooks if h["type"] != "ScoreCurveHook"]
train_dataloader = dict(
    batch_size=5,
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(
        sources=dict(
            _delete_=True, labeled=_base_.train_dataloader.dataset.sources.labeled
        )
    ),
)
