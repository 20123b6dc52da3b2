# Table 5, "Semi": the 1464 masks of VOC's own training set, the images of SBD without.
_base_ = ["./context-aware_deeplabv3plus-r50_93k_voc-1323.py"]
labeled = "split:voc12aug/unimatch_1464_labeled.txt"
