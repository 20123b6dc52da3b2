# Cityscapes with 1488 masks: three images with masks a step.
_base_ = ["./three-stage_deeplabv2-r101_60k_cityscapes-100.py"]
train_dataloader = dict(
    dataset=dict(
        sources=dict(labeled=dict(ann_file="split:cityscapes/unimatch_1_2_labeled.txt"))
    )
)
stages = _base_.stages
for stage in stages[1:]:
    stage.changes.train_dataloader.sampler.ratio.update(labeled=3, pseudo=2)
del stage
