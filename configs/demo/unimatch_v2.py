# UniMatch V2: the student learns two strong views of the images that have no masks, and
# each channel of its features in one of them (Yang et al. 2025).
_base_ = [
    "../_base_/models/unet_tiny.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/adamw_demo.py",
]
method = dict(
    base="unimatch_v2",
    objectives=dict(unimatch=dict(threshold=0.9, start=1 / 6)),
    # The colours that labelled images get, too.
    views=dict(unlabeled_strong=["appearance"], unlabeled_strong_2=["appearance"]),
    test_cfg=dict(predict_with="student"),
)
