# "Baseline + L_adv" with all masks: Table 1, and where Table 8 varies lambda_adv.
_base_ = ["./adv-only_deeplabv2-r101_20k_voc-1322.py"]
labeled = "split:voc12aug/train_aug.txt"
