# The last stage of s4GAN and MLMT: both as one segmentor, tested (Eq. 7 of Mittal et al.
# 2019). A leaf names its config.
fused = dict(
    name="fused",
    task="evaluate",
    changes=dict(
        model=dict(
            segmentor_checkpoint="{s4gan.last}", classifier_checkpoint="{mlmt.last}"
        ),
    ),
)
