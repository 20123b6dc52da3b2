# A mean teacher labels the images that have no masks; the student learns them under
# other colours and mixed with each other (CutMix, French et al. 2020).
_base_ = [
    "../_base_/models/unet_tiny.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/adamw_demo.py",
]
method = dict(
    base="cutmix",
    objectives=dict(consistency=dict(threshold=0.9, start=1 / 6, ramp=1 / 6)),
    # The colours that labelled images get, too.
    views=dict(unlabeled_strong=["appearance"]),
    test_cfg=dict(predict_with="student"),
)
