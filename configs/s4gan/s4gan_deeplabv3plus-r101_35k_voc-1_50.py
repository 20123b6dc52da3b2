# s4GAN with DeepLabv3+ on PASCAL VOC with 1/50 of the masks.
_base_ = ["./s4gan_deeplabv3plus-r101_35k_voc-1_8.py"]
train_dataloader = dict(
    dataset=dict(
        sources=dict(labeled=dict(ann_file="split:voc12aug/mittal_211_labeled.txt"))
    )
)
