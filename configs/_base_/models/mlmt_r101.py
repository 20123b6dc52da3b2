# The multi-label mean teacher of Mittal et al. 2019: ResNet-101, ImageNet weights,
# images squashed to 320x320. Where the paper is silent (ramp, average, augmentation of the
# student's images) the numbers are those of its code; a leaf sets the length of the ramp.
classifier_size = (320, 320)
model = dict(
    type="MultiLabelMeanTeacher",
    data_preprocessor=dict(
        type="SemiDataPreprocessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    classifier=dict(
        type="MultiLabelClassifier",
        backbone=dict(
            type="ResNet",
            depth=101,
            num_stages=4,
            out_indices=(3,),
            norm_cfg=dict(type="BN", requires_grad=True),
            style="pytorch",
            init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet101"),
        ),
        in_channels=2048,
        num_classes=21,
    ),
    teacher=dict(momentum=0.999, norm="ema"),
    consistency=dict(weight=1.0, kind="mse", ramp_shape="sigmoid"),
    label_loss="binary",
    test_cfg=dict(predict_with="teacher"),
)
squash = dict(type="Resize", scale=classifier_size, keep_ratio=False)
flip = dict(type="RandomFlip", prob=0.5)
student = [
    dict(
        type="ColorJitter",
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        prob=1.0,
    ),
    flip,
    # Every image, with a kernel that holds three times the greatest sigma.
    dict(type="RandomGaussianBlur", kernel_size=13, sigma=(0.1, 2.0), prob=1.0),
]
