# Table VI, without EMA: the teacher is the student of the step before.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-212.py"]
later = dict(method=dict(teacher=dict(momentum=0.0)))
method = dict(stages=dict(stage2=later, stage3=later))
