# ST++, selective re-training (Yang et al., CVPR 2022, https://arxiv.org/abs/2106.05095, section
# 3.2, Algorithm 2). ST in three stages: the first network, as it was after a third and two
# thirds of the training, is compared with the last one; the reliability of an image is the
# mean IoU of their predictions (Eq. 2). The more reliable half is labelled by the first network
# and trains the second one, which labels the rest for the third; the masks of the reliable
# half stay. Each network begins with the initial weights.
_base_ = ["./st.py"]
# Taken once: the next time would be after the end.
early = dict(type="Snapshot", interval=0.9, offset=1 / 3)
middle = dict(type="Snapshot", interval=0.9, offset=2 / 3)
both = dict(
    sources=dict(pseudo=dict(store=["{stage2.pseudo_masks}", "{pseudo_masks}"])),
)
method = dict(
    stages=dict(
        stage1=dict(
            method=dict(
                _delete_=True,
                base="supervised",
                networks=dict(early=early, middle=middle),
            )
        ),
        stage2=dict(pseudo_masks=dict(judges=["early", "middle"], share=0.5)),
        stage3=dict(
            method=dict(base=_base_.retraining, **both),
            pseudo_masks=dict(_base_.pseudo_masks, rest_of="stage2"),
        ),
    )
)
