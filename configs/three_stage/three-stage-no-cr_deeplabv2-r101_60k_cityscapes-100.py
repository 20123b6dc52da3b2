# Table V, without CR: no consistency in stages 2 and 3, only Task 2.
_base_ = ["./three-stage_deeplabv2-r101_60k_cityscapes-100.py"]
stages = _base_.stages
for stage in stages[1:]:
    stage.changes.model.objectives.consistency = None
del stage
