# Context-aware consistency on Cityscapes with all masks ("full"): the crops are of the
# labelled images, too.
_base_ = ["./context-aware_deeplabv3plus-r50_93k_cityscapes-372.py"]
labeled = None
# The same images in both sources are meant here.
unlabeled = dict(exclude=[])
custom_hooks = [
    dict(type="DataCheckHook", level="cheap", allow=["overlap"]),
    dict(type="TeacherUpdateHook"),
]
