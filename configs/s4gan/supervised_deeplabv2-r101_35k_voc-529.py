# "CE only" of Table 6 with 1/20 of the masks.
_base_ = ["./supervised_deeplabv2-r101_35k_voc-1322.py"]
labeled = "split:voc12aug/mittal_529_labeled.txt"
