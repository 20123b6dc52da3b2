# The baseline of AdvSemiSeg with all masks.
_base_ = ["./supervised_deeplabv2-r101_20k_voc-1322.py"]
labeled = "split:voc12aug/train_aug.txt"
