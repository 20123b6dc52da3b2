# Context-aware consistency on PASCAL VOC with all masks ("full"): the crops are of the
# labelled images, too.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            labeled=dict(ann_file="split:voc12aug/train_aug.txt"),
            unlabeled=dict(exclude=[]),
        )
    )
)
# The same images in both sources are meant here.
custom_hooks = [
    dict(type="DataCheckHook", level="cheap", allow=["overlap"]),
    *_base_.custom_hooks[1:],
]
