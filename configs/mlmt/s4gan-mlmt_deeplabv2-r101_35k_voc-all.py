# Both branches on VOC as in Table 7, with all masks; their fusion, and its evaluation.
_base_ = ["../_base_/fusion.py"]
stages = [
    dict(name="s4gan", config="../s4gan/s4gan_deeplabv2-r101_35k_voc-all.py"),
    dict(name="mlmt", config="mlmt_r101_66k_voc-all.py"),
    dict(_base_.fused, config="fused_deeplabv2-r101_voc.py"),
]
