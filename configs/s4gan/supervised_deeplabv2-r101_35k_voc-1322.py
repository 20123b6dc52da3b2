# "CE only" of Table 6, DeepLabv2 of Table 1: the masks alone, eight images a step.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_35k.py",
    "../_base_/default_runtime.py",
]
method = "supervised"
labeled = "split:voc12aug/mittal_1322_labeled.txt"
train_dataloader = dict(batch_size=8)
default_hooks = dict(checkpoint=dict(interval=2500))
