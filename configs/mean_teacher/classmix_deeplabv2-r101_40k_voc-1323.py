# ClassMix on PASCAL VOC with 1323 masks (Table 3), without changes of colours: the student
# sees the teacher's view, mixed.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_35k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="classmix",
    objectives=dict(consistency=dict(student_branch="unlabeled")),
    views=dict(unlabeled_strong=None),
)
labeled = "split:voc12aug/mittal_1323_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=40001, by_epoch=False)
]
train_cfg = dict(max_iters=40000)
