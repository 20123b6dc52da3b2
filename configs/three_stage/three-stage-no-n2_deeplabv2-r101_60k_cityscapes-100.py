# Table V, without N2: the branch of stage 3 is that of stage 2.
_base_ = ["./three-stage_deeplabv2-r101_60k_cityscapes-100.py"]
stages = _base_.stages
stages[2].changes.model.objectives = stages[1].changes.model.objectives
