# Three-stage self-training on Cityscapes at half resolution with 100 masks, from
# ImageNet weights (Ke et al. 2020, Table II). Where the paper says nothing, as its
# authors' code: frozen BatchNorm, the teacher's momenta, strengths of the augmentation.
# A step sees 5 images: one with its mask, and four of all images with pseudo-masks (the
# paper has the two numbers the other way round; README.md).
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/datasets/cityscapes.py",
    "../_base_/schedules/adam_60k.py",
    "../_base_/default_runtime.py",
]
lambda_1 = lambda_2 = 0.5
crop_size = (256, 512)
# The branch g^ of stage 2 reads conv4, too.
backbone = dict(_base_.model.backbone, out_indices=(2, 3))
decode_head = dict(_base_.model.decode_head, in_index=-1, num_classes=19)
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=crop_size),
    segmentor=dict(_base_.model, backbone=backbone, decode_head=decode_head),
    objectives=dict(),
)

load, annotations = dict(type="LoadImageFromFile"), dict(type="LoadAnnotations")
augment = [
    _base_.half,
    dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=1.0),
    _base_.flip,
]
pack = _base_.pack
strong = [
    dict(type="RandAugment", num_ops=3, prob=0.5, levels=(1, 9)),
    dict(type="Cutout", num_holes=3, size=32, ignore=False),
]
train_dataloader = dict(
    batch_size=5,
    dataset=dict(
        sources=dict(
            labeled=dict(
                ann_file="split:cityscapes/unimatch_1_30_labeled.txt",
                pipeline=[load, annotations, *augment, pack],
            )
        )
    ),
)
supervised = dict(
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(sources=dict(unlabeled=None)),
)
with_pseudo_masks = dict(
    sampler=dict(ratio=dict(_delete_=True, labeled=1, pseudo=4)),
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

# Eqs. 4 and 5: L_seg + lambda_1 L_con + lambda_2 L_pl, the latter two averaged over all
# images of the step, those with masks without strong augmentation.
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
# Table VII: conv6 and ASPP_2 in stage 2, ASPP_3 in stage 3.
g_hat = dict(
    stage=dict(
        type="ResNetLastStage",
        backbone=backbone,
        width=0.5,
        init_cfg=dict(type="Normal", layer="Conv2d", std=0.01),
    ),
    head=dict(decode_head, in_channels=1024),
)
g_tilde = dict(head=decode_head)
semi = dict(
    train_dataloader=with_pseudo_masks,
    val_cfg=dict(type="TeacherStudentValLoop"),
    default_hooks=dict(checkpoint=dict(save_best="student/mIoU")),
)
teacher = dict(
    momentum=[(0, 0.99), (20000, 0.995), (40000, 0.9975), (50000, 0.999)], ramp=False
)
# Algorithm 1: the student's masks of all training images.
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
