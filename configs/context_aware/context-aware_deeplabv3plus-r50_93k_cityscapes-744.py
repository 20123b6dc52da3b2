# Context-aware consistency on Cityscapes with 1/4 of the masks.
_base_ = ["./context-aware_deeplabv3plus-r50_93k_cityscapes-372.py"]
labeled = "split:cityscapes/cac_0_744_labeled.txt"
