# PASCAL VOC with 529 masks (1/20): lambda_1 = lambda_2 = 5/4.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-212.py"]
objectives = dict(consistency=dict(weight=1.25), pseudo_mask=dict(weight=1.25))
later = dict(method=dict(objectives=objectives))
method = dict(stages=dict(stage2=later, stage3=later))
labeled = "split:voc12aug/mittal_529_labeled.txt"
