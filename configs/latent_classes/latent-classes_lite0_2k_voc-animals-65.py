# Latent classes in an hour on a CPU: seven classes of VOC, 65 masks and 1092 images
# without. What the paper starts after a quarter of its iterations starts after a
# quarter of these.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=_base_.crop_size),
    segmentor=dict(
        _base_.model,
        decode_head=dict(_base_.model.decode_head, num_classes=7),
    ),
    objectives=dict(
        latent_class=dict(
            type="LatentClassObjective",
            head=dict(_base_.model.decode_head, num_classes=20),
            update_rate=8 / 65,
            weight=1.0,
            consistency_weight=0.1,
            start=500,
        ),
        adversarial=dict(
            type="AdversarialObjective",
            discriminator=dict(type="FCDiscriminator"),
            weights=dict(labeled=0.01, unlabeled=0.001),
            start=dict(labeled=0, unlabeled=0),
            fake_branches=["labeled", "unlabeled"],
            real_branch="labeled",
        ),
    ),
)
optim_wrapper = dict(
    discriminator=dict(optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.99))),
)
custom_hooks = [*_base_.custom_hooks, dict(type="LatentClassHook")]
default_hooks = dict(checkpoint=dict(interval=500))
