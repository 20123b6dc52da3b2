# s4GAN on PASCAL VOC with 1/8 of the masks, as the paper has it (section 4.1): ImageNet
# weights, crops of 321x321, eight images of each kind a step.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_35k.py",
    "../_base_/default_runtime.py",
]
method = dict(base="s4gan")
labeled = "split:voc12aug/mittal_1322_labeled.txt"
train_dataloader = dict(batch_size=8)
default_hooks = dict(checkpoint=dict(interval=2500))
