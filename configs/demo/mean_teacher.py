# A mean teacher labels the images that have no masks; the student learns them under
# other colours and mixed with each other (CutMix, French et al. 2020).
_base_ = [
    "../_base_/models/unet_tiny.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/adamw_demo.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    segmentor=_base_.model,
    teacher=dict(momentum=0.99),
    objectives=dict(
        consistency=dict(
            type="ConsistencyObjective",
            weight=1.0,
            threshold=0.9,
            mix="cutmix",
            start=200,
            ramp=200,
        )
    ),
)
