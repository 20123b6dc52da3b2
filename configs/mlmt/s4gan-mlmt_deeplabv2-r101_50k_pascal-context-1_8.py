# Both branches on PASCAL-Context with 1/8 of the masks as published, their fusion,
# and its evaluation, in one command.
stages = [
    dict(
        name="s4gan", config="../s4gan/s4gan_deeplabv2-r101_50k_pascal-context-1_8.py"
    ),
    dict(name="mlmt", config="mlmt_r101_4k_pascal-context-1_8.py"),
    dict(
        name="fused",
        task="evaluate",
        config="fused_deeplabv2-r101_pascal-context.py",
        changes=dict(
            model=dict(
                segmentor_checkpoint="{s4gan.last}",
                classifier_checkpoint="{mlmt.last}",
            ),
        ),
    ),
]
