# Table V, without N2: the branch of stage 3 is that of stage 2.
_base_ = ["./three-stage_deeplabv2-r101_60k_cityscapes-100.py"]
objectives = dict(pseudo_mask=_base_.g_hat)
method = dict(stages=dict(stage3=dict(method=dict(objectives=objectives))))
