# Context-aware consistency on Cityscapes with 1/8 of the masks: crops of 720x720 pixels
# at full resolution, ten times the learning rate of VOC, and, as in the authors' code, no
# bank: a step alone has 8 images of 2 crops of 90x90 features.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16.py",
    "../_base_/datasets/cityscapes_two_crops.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=_base_.crop_size),
    segmentor=dict(
        _base_.model,
        decode_head=dict(_base_.model.decode_head, num_classes=19),
    ),
    objectives=dict(
        context_contrast=dict(
            type="ContextContrastObjective",
            projector=dict(channels=128),
            weight=0.1,
            start=5785,
            pool=2,
            gamma=0.75,
            temperature=0.1,
            bank_size=0,
        )
    ),
)
default_hooks = dict(checkpoint=dict(interval=5785))
optim_wrapper = dict(segmentor=dict(optimizer=dict(lr=0.1)))
