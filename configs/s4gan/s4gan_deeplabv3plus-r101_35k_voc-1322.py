# s4GAN with DeepLabv3+ on PASCAL VOC with 1/8 of the masks (Table 2). The paper names no
# other learning rates for this network.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d16.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_35k.py",
    "../_base_/default_runtime.py",
]
method = "s4gan"
labeled = "split:voc12aug/mittal_1322_labeled.txt"
train_dataloader = dict(batch_size=8)
default_hooks = dict(checkpoint=dict(interval=2500))
