# Cityscapes with 1488 masks: three images with masks a step.
_base_ = ["./three-stage_deeplabv2-r101_60k_cityscapes-100.py"]
images = dict(sampler=dict(ratio=dict(labeled=3, pseudo=2)))
later = dict(changes=dict(train_dataloader=images))
method = dict(stages=dict(stage2=later, stage3=later))
labeled = "split:cityscapes/unimatch_1_2_labeled.txt"
