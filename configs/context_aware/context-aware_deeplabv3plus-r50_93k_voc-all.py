# Context-aware consistency on PASCAL VOC with all masks ("full"): the crops are of the
# labelled images, too.
_base_ = ["./context-aware_deeplabv3plus-r50_93k_voc-1323.py"]
labeled = "split:voc12aug/train_aug.txt"
# The same images in both sources are meant here.
unlabeled = dict(exclude=[])
custom_hooks = [
    dict(type="DataCheckHook", level="cheap", allow=["overlap"]),
    dict(type="TeacherUpdateHook"),
]
