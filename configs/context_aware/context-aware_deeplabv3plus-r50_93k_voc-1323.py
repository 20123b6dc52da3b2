# Context-aware consistency on PASCAL VOC with 1/8 of the masks (section 4.1). A crop has
# 40x40 features after pooling; the bank holds those of one past step: 8 images, 2 crops.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16.py",
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
            pool=2,
            gamma=0.75,
            temperature=0.1,
            bank_size=25600,
        )
    ),
)
default_hooks = dict(checkpoint=dict(interval=5785))
