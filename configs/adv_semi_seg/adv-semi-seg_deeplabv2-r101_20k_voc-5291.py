# AdvSemiSeg on PASCAL VOC with 1/2 of the masks.
_base_ = ["./adv-semi-seg_deeplabv2-r101_20k_voc-1322.py"]
labeled = "split:voc12aug/mittal_5291_labeled.txt"
