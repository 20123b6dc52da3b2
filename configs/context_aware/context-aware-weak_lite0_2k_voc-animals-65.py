# Context-aware consistency on a CPU, where the 1092 images without masks have image
# labels: their pseudo-masks (README.md says how to make them) teach a second classifier.
_base_ = ["./context-aware_lite0_2k_voc-animals-65.py"]
method = dict(
    objectives=dict(
        weak_mask=dict(
            type="WeakMaskObjective",
            branches=["unlabeled_first", "unlabeled_second"],
            weight=0.4,
            start=0.0625,
            ramp=0.1,
        ),
    ),
    # Without a store: the mask that the source has.
    unlabeled=dict(
        load=[dict(type="LoadPseudoMask", store=None)], pack=dict(type="PackPseudoMask")
    ),
)
unlabeled = dict(
    _delete_=True,
    type="PseudoMaskDataset",
    store="work_dirs/cam-classifier_lite0_1k_voc-animals/pseudo_masks",
)
