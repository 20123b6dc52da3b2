# Table 5, "Weakly": the images of SBD with image labels, whose pseudo-masks (README.md
# says how to make them) teach a second classifier. lambda_w and its ramp over a tenth of
# the training are those of Ouali et al., from the start of the other loss on.
_base_ = ["./context-aware_deeplabv3plus-r50_93k_voc-1323.py"]
labeled = "split:voc12aug/unimatch_1464_labeled.txt"
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
    store="work_dirs/cam-classifier_r50_3k_voc-1464/pseudo_masks",
)
