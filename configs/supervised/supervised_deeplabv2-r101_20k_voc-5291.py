# The baseline of AdvSemiSeg with 1/2 of the masks.
_base_ = ["./supervised_deeplabv2-r101_20k_voc-1322.py"]
labeled = "split:voc12aug/mittal_5291_labeled.txt"
