# Context-aware consistency on a CPU, where the 1092 images without masks have image
# labels: their pseudo-masks (README.md says how to make them) teach a second classifier.
_base_ = ["./context-aware_lite0_2k_voc-animals-65.py"]
model = dict(
    objectives=dict(
        weak_mask=dict(
            type="WeakMaskObjective",
            weight=0.4,
            start=125,
            ramp=200,
        ),
    ),
)
pack = dict(type="PackPseudoMask")
two_crops = _base_.train_dataloader.dataset.sources.unlabeled.pipeline[1]
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            unlabeled=dict(
                _delete_=True,
                type="PseudoMaskDataset",
                store="work_dirs/cam-classifier_lite0_1k_voc-animals/pseudo_masks",
                pipeline=[
                    _base_.load,
                    # Without a store: the mask that the source has.
                    dict(type="LoadPseudoMask", store=None),
                    dict(
                        type="MultiView",
                        shared=two_crops.shared,
                        views=dict(
                            unlabeled=[*two_crops.views.unlabeled[:-1], pack],
                            unlabeled_second=[
                                *two_crops.views.unlabeled_second[:-1],
                                pack,
                            ],
                        ),
                    ),
                ],
            ),
        ),
    ),
)
