# MLMT on VOC with 529 masks (1/20): 16 labelled and 80 unlabelled images a step.
_base_ = [
    "../_base_/models/resnet101.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/mlmt_3k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="mlmt", iterations=1)
labeled = "split:voc12aug/mittal_529_labeled.txt"
train_dataloader = dict(batch_size=16)
default_hooks = dict(checkpoint=dict(interval=850, save_best="mAP"))
