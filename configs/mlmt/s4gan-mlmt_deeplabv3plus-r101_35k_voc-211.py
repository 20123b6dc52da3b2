# Both branches with DeepLabv3+ on VOC with 1/50 of the masks (Table 2), their
# fusion, and its evaluation, in one command.
_base_ = ["../_base_/fusion.py"]
stages = [
    dict(name="s4gan", config="../s4gan/s4gan_deeplabv3plus-r101_35k_voc-211.py"),
    dict(name="mlmt", config="mlmt_r101_1k_voc-211.py"),
    dict(_base_.fused, config="fused_deeplabv3plus-r101_voc.py"),
]
