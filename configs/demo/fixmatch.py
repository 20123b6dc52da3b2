# FixMatch with a mean teacher: the student learns one strong view of the images that
# have no masks, beside the labelled images (Sohn et al. 2020).
_base_ = [
    "../_base_/models/unet_tiny.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/adamw_demo.py",
]
method = dict(
    base="fixmatch",
    objectives=dict(unimatch=dict(threshold=0.9, start=1 / 6)),
    # The colours that labelled images get, too.
    views=dict(unlabeled_strong=["appearance"]),
    test_cfg=dict(predict_with="student"),
)
