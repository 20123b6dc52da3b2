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
lambda_1 = lambda_2 = 0.5
decode_head = dict(_base_.model.decode_head, num_classes=7)
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=_base_.crop_size),
    segmentor=dict(_base_.model, decode_head=decode_head),
    objectives=dict(),
)

# Batches of stage 1, and of the others.
load, annotations = dict(type="LoadImageFromFile"), dict(type="LoadAnnotations")
augment, pack = _base_.augment, _base_.pack
strong = [
    dict(type="RandAugment", num_ops=3, prob=0.5, levels=(1, 9)),
    # As much of the image as 32 are of 321 pixels.
    dict(type="Cutout", num_holes=3, size=12, ignore=False),
]
supervised = dict(
    batch_size=8,
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(sources=dict(unlabeled=None)),
)
with_pseudo_masks = dict(
    batch_size=8,
    sampler=dict(ratio=dict(_delete_=True, labeled=1, pseudo=1)),
    dataset=dict(
        sources=dict(
            unlabeled=None,
            labeled=dict(
                pipeline=[
                    load,
                    annotations,
                    dict(type="LoadPseudoMask", store="{pseudo_masks}"),
                    *augment,
                    dict(type="PackPseudoMask"),
                ],
            ),
            pseudo=dict(
                type="PseudoMaskDataset",
                store="{pseudo_masks}",
                pipeline=[
                    load,
                    annotations,
                    dict(
                        type="MultiView",
                        shared=augment,
                        views=dict(pseudo=[pack], pseudo_strong=[*strong, pack]),
                    ),
                ],
            ),
        )
    ),
)

# Eqs. 4 and 5, averaged over both halves of the batch.
teacher = dict(
    momentum=[(0, 0.99), (667, 0.995), (1333, 0.9975), (1667, 0.999)], ramp=True
)
consistency = dict(
    type="ConsistencyObjective",
    weight=lambda_1,
    threshold=0.0,
    mix="none",
    teacher_branch="pseudo",
    student_branch="pseudo_strong",
    plain_branches=["labeled"],
)
task_2 = dict(
    type="PseudoMaskObjective",
    weight=lambda_2,
    branch="pseudo_strong",
    plain_branches=["labeled"],
)
g_hat = dict(
    stage=dict(
        type="EfficientNetLiteLastStage", backbone=_base_.model.backbone, width=0.5
    ),
    neck=dict(_base_.model.neck, in_channels=[24, 40, 112, 160]),
    head=decode_head,
)
g_tilde = dict(head=decode_head)
semi = dict(
    train_dataloader=with_pseudo_masks,
    val_cfg=dict(type="TeacherStudentValLoop"),
    default_hooks=dict(checkpoint=dict(save_best="student/mIoU")),
)
masks = dict(network="student", sources=["labeled", "unlabeled"], mode="whole")
stages = [
    dict(name="stage1", changes=dict(train_dataloader=supervised)),
    dict(
        name="stage2",
        pseudo_masks=masks,
        changes=dict(
            model=dict(
                teacher=teacher,
                objectives=dict(
                    consistency=consistency, pseudo_mask=dict(task_2, **g_hat)
                ),
            ),
            **semi,
        ),
    ),
    dict(
        name="stage3",
        pseudo_masks=masks,
        changes=dict(
            model=dict(
                teacher=teacher,
                objectives=dict(
                    consistency=consistency, pseudo_mask=dict(task_2, **g_tilde)
                ),
            ),
            **semi,
        ),
    ),
]
default_hooks = dict(checkpoint=dict(interval=500))
