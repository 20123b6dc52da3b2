# "CE only" of Table 6 with 1/50 of the masks.
_base_ = ["./supervised_deeplabv2-r101_35k_voc-1322.py"]
labeled = "split:voc12aug/mittal_211_labeled.txt"
