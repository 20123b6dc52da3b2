# Three-stage self-training in an hour on a CPU: seven classes of VOC, 65 masks and 1092
# images without, 2000 iterations a stage. Each stage starts from the ImageNet weights.
# As in the paper, a step of every stage sees as many images as supervised training: 8,
# in stages 2 and 3 half of them with their masks and half with pseudo-masks (of all
# 1157). What the paper's networks have in conv5 and ASPP, this one has in its last
# stage and in its top-down decoder.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
g_hat = dict(
    stage=dict(type="EfficientNetLiteLastStage", width=0.5),
    neck=dict(_base_.model.neck, in_channels=[24, 40, 112, 160]),
)
lambda_1 = lambda_2 = 0.5
consistency, task_2 = dict(weight=lambda_1), dict(weight=lambda_2)
images = dict(batch_size=8)
method = dict(
    base="three_stage",
    stages=dict(
        stage2=dict(
            method=dict(
                objectives=dict(
                    consistency=consistency, pseudo_mask=dict(task_2, **g_hat)
                )
            ),
            changes=dict(train_dataloader=images),
        ),
        stage3=dict(
            method=dict(objectives=dict(consistency=consistency, pseudo_mask=task_2)),
            changes=dict(train_dataloader=images),
        ),
    ),
)
labeled = "splits/unimatch183_labeled.txt"
model = dict(decode_head=dict(num_classes=7))
default_hooks = dict(checkpoint=dict(interval=500))
