# s4GAN on PASCAL VOC with all masks (Tables 1 and 7): the same images are the unlabelled
# ones.
_base_ = ["./s4gan_deeplabv2-r101_35k_voc-1322.py"]
labeled = "split:voc12aug/train_aug.txt"
unlabeled = dict(exclude=[])
custom_hooks = [
    dict(type="DataCheckHook", level="cheap", allow=["overlap"]),
    dict(type="TeacherUpdateHook"),
]
