# "ST" of Table 3, self-training after Zoph et al. (NeurIPS 2020): a teacher that learned
# from the masks alone labels the other images, and what it is less than half sure of is
# ignored. First train supervised_pspnet-r50_93k_voc-1323.py, then give its checkpoint:
#   --cfg-options load_from=CHECKPOINT
# The student starts from the same weights; the teacher, with momentum 1, keeps them.
_base_ = ["./context-aware_pspnet-r50_93k_voc-1323.py"]
model = dict(
    teacher=dict(momentum=1.0, ramp=False),
    objectives=dict(
        _delete_=True,
        consistency=dict(
            type="ConsistencyObjective",
            weight=1.0,
            threshold=0.5,
            teacher_branch="unlabeled",
            student_branch="unlabeled_second",
            mix="none",
        ),
    ),
)
# Both see one crop; the teacher without changed colours.
load, two_crops = _base_.train_dataloader.dataset.sources.unlabeled.pipeline
resize, draw = two_crops.shared
first, flip, *_, pack = two_crops.views.unlabeled
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            unlabeled=dict(
                pipeline=[
                    load,
                    dict(
                        two_crops,
                        shared=[resize, dict(draw, iou_range=(1.0, 1.0))],
                        views=dict(
                            unlabeled=[first, pack],
                            unlabeled_second=two_crops.views.unlabeled_second,
                        ),
                    ),
                ]
            )
        )
    )
)
