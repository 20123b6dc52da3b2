# DeepLabv2 of Tables 1 and 7 with all masks.
_base_ = ["./supervised_deeplabv2-r101_35k_voc-1322.py"]
labeled = "split:voc12aug/train_aug.txt"
