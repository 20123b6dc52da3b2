# DeepLabv3+ of Table 2: the masks alone, eight images a step.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d16.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_35k.py",
    "../_base_/default_runtime.py",
]
method = "supervised"
labeled = "split:voc12aug/mittal_1322_labeled.txt"
train_dataloader = dict(batch_size=8)
default_hooks = dict(checkpoint=dict(interval=2500))
