# A small network, from scratch, with 4 + 4 images a step: to measure speed.
_base_ = [
    "../_base_/models/deeplabv2_r18-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
method = "adv_semi_seg"
labeled = "split:voc12aug/mittal_1322_labeled.txt"
train_dataloader = dict(batch_size=4)
