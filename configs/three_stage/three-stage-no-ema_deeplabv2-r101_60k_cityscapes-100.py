# Table VI, without EMA: the teacher is the student of the step before.
_base_ = ["./three-stage_deeplabv2-r101_60k_cityscapes-100.py"]
stages = _base_.stages
for stage in stages[1:]:
    stage.changes.model.teacher = dict(momentum=0.0)
del stage
