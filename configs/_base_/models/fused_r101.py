# What a fusion (Eq. 7 of Mittal et al. 2019) adds to a segmentor: the classifier of
# the block `mlmt` with resnet101.py, for the classes of VOC. A leaf makes it the model.
fused = dict(
    type="FusedSegmentor",
    classifier=dict(
        type="MultiLabelClassifier",
        backbone=dict(
            type="ResNet",
            depth=101,
            num_stages=4,
            out_indices=(3,),
            norm_cfg=dict(type="BN", requires_grad=True),
            style="pytorch",
        ),
        num_classes=21,
    ),
    classifier_preprocessor=dict(
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    classes=(
        "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car",
        "cat", "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person",
        "pottedplant", "sheep", "sofa", "train", "tvmonitor",
    ),
    # Without them, an exported file has both networks.
    segmentor_checkpoint=None,
    classifier_checkpoint=None,
    tau=0.2,
)  # fmt: skip
