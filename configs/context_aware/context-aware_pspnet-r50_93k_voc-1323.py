# Context-aware consistency on PASCAL VOC with 1/8 of the masks and PSPNet, whose features
# have stride 8 and are not pooled. Exp. VIII of Table 3, with 19,200 negatives per GPU of
# Table 4: 12,800 of the step and half of the bank.
_base_ = [
    "../_base_/models/pspnet_r50-d8.py",
    "../_base_/datasets/voc12_two_crops.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=_base_.crop_size),
    segmentor=_base_.model,
    objectives=dict(
        context_contrast=dict(
            type="ContextContrastObjective",
            projector=dict(channels=128),
            weight=0.1,
            start=5785,
            pool=1,
            gamma=0.75,
            temperature=0.1,
            bank_size=12800,
        )
    ),
)
default_hooks = dict(checkpoint=dict(interval=5785))
