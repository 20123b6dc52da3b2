# s4GAN and MLMT (Mittal et al., TPAMI 2019, https://arxiv.org/abs/1908.05724): a segmentor,
# a classifier of the classes that an image shows, and the fusion of both, which is tested:
# the classifier switches off the classes whose score is at most tau (Eq. 7), the paper's
# 0.2. FusionTestLoop reports the contribution of each part, as Table 5 does.
_base_ = ["./mlmt.py"]
mlmt = dict(_base_.method)
fusion = dict(
    model=dict(
        type="FusedSegmentor",
        segmentor="{segmentor}",
        classifier=mlmt["model"]["classifier"],
        classes="{classes}",
        background="{background}",
        classifier_size="{size}",
        tau=0.2,
        segmentor_checkpoint="{s4gan.last}",
        classifier_checkpoint="{mlmt.last}",
    ),
    image_size=mlmt["image_size"],
)
method = dict(
    _delete_=True,
    stages=dict(
        s4gan=dict(method="s4gan"),
        mlmt=dict(method=mlmt),
        fused=dict(
            task="evaluate",
            method=fusion,
            changes=dict(test_cfg=dict(type="FusionTestLoop")),
        ),
    ),
)
