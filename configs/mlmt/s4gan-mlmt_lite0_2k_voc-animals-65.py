# Both branches, then their fusion with its evaluation, in one command on a CPU: seven
# classes of VOC, 65 masks and 1092 images without.
stages = [
    dict(name="s4gan", config="../s4gan/s4gan_lite0_2k_voc-animals-65.py"),
    dict(name="mlmt", config="mlmt_lite0_2k_voc-animals-65.py"),
    dict(
        name="fused",
        task="evaluate",
        config="fused_lite0_voc-animals.py",
        changes=dict(
            model=dict(
                segmentor_checkpoint="{s4gan.last}",
                classifier_checkpoint="{mlmt.last}",
            ),
        ),
    ),
]
