# Both branches on PASCAL-Context with 1/4 of the masks as published, their fusion,
# and its evaluation, in one command.
_base_ = ["../_base_/fusion.py"]
stages = [
    dict(
        name="s4gan", config="../s4gan/s4gan_deeplabv2-r101_50k_pascal-context-1_4.py"
    ),
    dict(name="mlmt", config="mlmt_r101_8k_pascal-context-1_4.py"),
    dict(_base_.fused, config="fused_deeplabv2-r101_pascal-context.py"),
]
