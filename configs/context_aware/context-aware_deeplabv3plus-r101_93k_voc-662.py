# Context-aware consistency on PASCAL VOC with 1/16 of the masks.
_base_ = ["./context-aware_deeplabv3plus-r101_93k_voc-1323.py"]
labeled = "split:voc12aug/cac_0_662_labeled.txt"
