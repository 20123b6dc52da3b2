# The same as the authors' code trains it: the loss is the mean over the pulled pixels,
# images are scaled relative to a longer side of 400 pixels, unlabelled ones not below
# 0.8.
_base_ = ["./context-aware_deeplabv3plus-r50_93k_voc-1323.py"]
model = dict(objectives=dict(context_contrast=dict(reduction="active")))
small = dict(_base_.resize, scale=(400, 400))
load, masks, _, *rest = _base_.labeled_pipeline
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            labeled=dict(pipeline=[load, masks, small, *rest]),
            unlabeled=dict(
                pipeline=[
                    load,
                    dict(
                        _base_.two_crops,
                        shared=[
                            dict(small, ratio_range=(0.8, 2.0)),
                            _base_.two_crops.shared[1],
                        ],
                    ),
                ]
            ),
        )
    )
)
