# Table V, without CR: no consistency in stages 2 and 3, only Task 2.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-212.py"]
later = dict(method=dict(objectives=dict(consistency=None)))
method = dict(stages=dict(stage2=later, stage3=later))
