# s4GAN or any other DeepLabv3+ and MLMT on VOC as one segmentor (Eq. 7):
#   python tools/test.py THIS --cfg-options \
#     model.segmentor_checkpoint=A.pth model.classifier_checkpoint=B.pth
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d16.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _delete_=True,
    type="FusedSegmentor",
    data_preprocessor=_base_.model.data_preprocessor,
    segmentor=_base_.model,
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
        in_channels=2048,
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
test_cfg = dict(type="FusionTestLoop", baseline_checkpoint=None, cnn_checkpoint=None)
