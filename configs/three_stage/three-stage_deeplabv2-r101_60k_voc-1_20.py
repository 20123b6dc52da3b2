# PASCAL VOC with 529 masks (1/20): lambda_1 = lambda_2 = 5/4.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-1_50.py"]
lambda_1 = lambda_2 = 1.25
train_dataloader = dict(
    dataset=dict(
        sources=dict(labeled=dict(ann_file="split:voc12aug/mittal_529_labeled.txt"))
    )
)
stages = _base_.stages
for stage in stages[1:]:
    for objective in stage.changes.model.objectives.values():
        objective.weight = lambda_1
del stage, objective
