# Latent classes without the adversary: "baseline + lat cls" of Table 3.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=_base_.crop_size),
    segmentor=_base_.model,
    objectives=dict(
        latent_class=dict(
            type="LatentClassObjective",
            head=dict(_base_.model.decode_head, num_classes=20),
            update_rate=10 / 1322,
            weight=1.0,
            consistency_weight=0.1,
            start=5000,
        ),
    ),
)
optim_wrapper = dict(
    segmentor=dict(
        paramwise_cfg=dict(custom_keys=dict(latent_branch=dict(lr_mult=10.0)))
    ),
)
custom_hooks = [*_base_.custom_hooks, dict(type="LatentClassHook")]
