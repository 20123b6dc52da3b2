# PASCAL VOC with 1323 masks (1/8): lambda_1 = lambda_2 = 5/8, and two images with masks a step.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-212.py"]
objectives = dict(consistency=dict(weight=0.625), pseudo_mask=dict(weight=0.625))
images = dict(sampler=dict(ratio=dict(labeled=2, pseudo=8)))
later = dict(method=dict(objectives=objectives), changes=dict(train_dataloader=images))
method = dict(stages=dict(stage2=later, stage3=later))
labeled = "split:voc12aug/mittal_1323_labeled.txt"
