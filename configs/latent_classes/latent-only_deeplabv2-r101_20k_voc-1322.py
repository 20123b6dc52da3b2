# Latent classes without the adversary: "baseline + lat cls" of Table 3.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
method = "latent_only"
labeled = "split:voc12aug/mittal_1322_labeled.txt"
optim_wrapper = dict(
    paramwise_cfg=dict(custom_keys=dict(latent_branch=dict(lr_mult=10.0)))
)
