# Context-aware consistency on Cityscapes with all masks ("full"): the crops are of the
# labelled images, too.
_base_ = ["./context-aware_deeplabv3plus-r50_93k_cityscapes-372.py"]
train_dataloader = dict(
    dataset=dict(sources=dict(labeled=dict(ann_file=""), unlabeled=dict(exclude=[])))
)
# The same images in both sources are meant here.
custom_hooks = [
    dict(type="DataCheckHook", level="cheap", allow=["overlap"]),
    *_base_.custom_hooks[1:],
]
