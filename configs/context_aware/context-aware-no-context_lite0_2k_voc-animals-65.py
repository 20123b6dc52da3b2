# Exp. VI of Table 3: both crops show the same, so only their colours differ.
_base_ = ["./context-aware_lite0_2k_voc-animals-65.py"]
two_views = _base_.train_dataloader.dataset.sources.unlabeled.pipeline[1]
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            unlabeled=dict(
                pipeline=[
                    _base_.load,
                    dict(
                        two_views,
                        shared=[
                            _base_.scale_up,
                            dict(two_views.shared[1], iou_range=(1.0, 1.0)),
                        ],
                    ),
                ],
            ),
        ),
    ),
)
