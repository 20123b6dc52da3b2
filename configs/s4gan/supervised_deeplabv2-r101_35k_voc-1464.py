# DeepLabv2 of Table 7: the 1464 masks of VOC itself.
_base_ = ["./supervised_deeplabv2-r101_35k_voc-1322.py"]
labeled = "split:voc12aug/unimatch_1464_labeled.txt"
