# Context-aware consistency on PASCAL VOC with 1/8 of the masks and ResNet-101; as in the
# authors' code, the bank holds the features of two past steps.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d16.py",
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
            bank_size=51200,
        )
    ),
)
default_hooks = dict(checkpoint=dict(interval=5785))
