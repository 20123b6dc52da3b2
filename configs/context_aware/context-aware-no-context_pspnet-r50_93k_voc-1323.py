# Exp. VI of Table 3: both crops show the same, so only their colours differ.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
resize, draw = _base_.two_crops.shared
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            unlabeled=dict(
                pipeline=[
                    _base_.load,
                    dict(
                        _base_.two_crops,
                        shared=[resize, dict(draw, iou_range=(1.0, 1.0))],
                    ),
                ]
            )
        )
    )
)
