# "Baseline + L_adv" with all masks: Table 1, and where Table 8 varies lambda_adv.
_base_ = ["./adv-only_deeplabv2-r101_20k_voc-1_8.py"]
train_dataloader = dict(
    dataset=dict(sources=dict(labeled=dict(ann_file="split:voc12aug/train_aug.txt")))
)
