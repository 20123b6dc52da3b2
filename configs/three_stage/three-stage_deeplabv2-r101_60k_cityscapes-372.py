# Cityscapes with 372 masks.
_base_ = ["./three-stage_deeplabv2-r101_60k_cityscapes-100.py"]
labeled = "split:cityscapes/unimatch_1_8_labeled.txt"
