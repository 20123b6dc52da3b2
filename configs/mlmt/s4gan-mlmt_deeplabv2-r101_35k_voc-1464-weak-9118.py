# Both branches on VOC as in Table 7: 1464 masks, 9118 images of which MLMT knows the
# classes, and s4GAN nothing; their fusion, and its evaluation.
_base_ = ["../_base_/fusion.py"]
stages = [
    dict(name="s4gan", config="../s4gan/s4gan_deeplabv2-r101_35k_voc-1464.py"),
    dict(name="mlmt", config="mlmt_r101_9k_voc-1464-weak-9118.py"),
    dict(_base_.fused, config="fused_deeplabv2-r101_voc.py"),
]
