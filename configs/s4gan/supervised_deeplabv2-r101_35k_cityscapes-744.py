# DeepLabv2 of Table 4: 1/4 of the masks alone.
_base_ = ["./supervised_deeplabv2-r101_35k_cityscapes-372.py"]
labeled = "split:cityscapes/unimatch_1_4_labeled.txt"
