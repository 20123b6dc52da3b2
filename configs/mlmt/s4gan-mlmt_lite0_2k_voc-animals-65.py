# Both branches, then their fusion with its evaluation, in one command on a CPU: seven
# classes of VOC, 65 masks and 1092 images without.
_base_ = ["../_base_/fusion.py"]
stages = [
    dict(name="s4gan", config="../s4gan/s4gan_lite0_2k_voc-animals-65.py"),
    dict(name="mlmt", config="mlmt_lite0_2k_voc-animals-65.py"),
    dict(_base_.fused, config="fused_lite0_voc-animals.py"),
]
