# Both branches with DeepLabv3+ on VOC with 1/20 of the masks (Table 2), their
# fusion, and its evaluation, in one command.
stages = [
    dict(name="s4gan", config="../s4gan/s4gan_deeplabv3plus-r101_35k_voc-1_20.py"),
    dict(name="mlmt", config="mlmt_r101_3k_voc-1_20.py"),
    dict(
        name="fused",
        task="evaluate",
        config="fused_deeplabv3plus-r101_voc.py",
        changes=dict(
            model=dict(
                segmentor_checkpoint="{s4gan.last}",
                classifier_checkpoint="{mlmt.last}",
            ),
        ),
    ),
]
