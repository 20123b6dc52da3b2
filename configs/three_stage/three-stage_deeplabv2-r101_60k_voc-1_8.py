# PASCAL VOC with 1323 masks (1/8): lambda_1 = lambda_2 = 5/8, and two images with masks a step.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-1_50.py"]
lambda_1 = lambda_2 = 0.625
train_dataloader = dict(
    dataset=dict(
        sources=dict(labeled=dict(ann_file="split:voc12aug/mittal_1323_labeled.txt"))
    )
)
stages = _base_.stages
for stage in stages[1:]:
    stage.changes.train_dataloader.sampler.ratio.update(labeled=2, pseudo=8)
    for objective in stage.changes.model.objectives.values():
        objective.weight = lambda_1
del stage, objective
