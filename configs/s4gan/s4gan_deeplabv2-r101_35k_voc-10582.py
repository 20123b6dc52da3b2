# s4GAN on PASCAL VOC with all masks (Tables 1 and 7): the same images are the unlabelled
# ones.
_base_ = ["./s4gan_deeplabv2-r101_35k_voc-1_8.py"]
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            labeled=dict(ann_file="split:voc12aug/train_aug.txt"),
            unlabeled=dict(exclude=()),
        )
    )
)
custom_hooks = [
    dict(type="DataCheckHook", level="cheap", allow=["overlap"]),
    *_base_.custom_hooks[1:],
]
