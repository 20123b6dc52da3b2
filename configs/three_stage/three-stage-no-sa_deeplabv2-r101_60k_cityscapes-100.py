# Table V, without SA: teacher, student and Task 2 see the same view.
_base_ = ["./three-stage_deeplabv2-r101_60k_cityscapes-100.py"]
sources = dict(pseudo=dict(views=dict(pseudo_strong=[])))
later = dict(method=dict(sources=sources))
method = dict(stages=dict(stage2=later, stage3=later))
