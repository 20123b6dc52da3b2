# Table 5, "Weakly": the images of SBD with image labels, whose pseudo-masks (README.md
# says how to make them) teach a second classifier. lambda_w and its ramp over a tenth of
# the training are those of Ouali et al., from the start of the other loss on.
_base_ = ["./context-aware_deeplabv3plus-r50_93k_voc-1464.py"]
model = dict(
    objectives=dict(
        weak_mask=dict(
            type="WeakMaskObjective",
            weight=0.4,
            start=5785,
            ramp=9256,
        ),
    ),
)
pack = dict(type="PackPseudoMask")
views = _base_.two_crops.views
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            unlabeled=dict(
                _delete_=True,
                type="PseudoMaskDataset",
                store="work_dirs/cam-classifier_r50_3k_voc-1464/pseudo_masks",
                pipeline=[
                    _base_.load,
                    # Without a store: the mask that the source has.
                    dict(type="LoadPseudoMask", store=None),
                    dict(
                        type="MultiView",
                        shared=_base_.two_crops.shared,
                        views=dict(
                            unlabeled=[*views.unlabeled[:-1], pack],
                            unlabeled_second=[*views.unlabeled_second[:-1], pack],
                        ),
                    ),
                ],
            ),
        ),
    ),
)
