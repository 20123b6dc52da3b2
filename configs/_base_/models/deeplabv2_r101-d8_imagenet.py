# The same network from ImageNet weights only (converted from Caffe by Detectron2).
#
# They expect BGR, and hold each BatchNorm as a bare scale and shift, with mean 0 and
# variance 1 as statistics: training must use those (norm_eval=True).
_base_ = ["./deeplabv2_r101-d8.py"]
model = dict(
    data_preprocessor=dict(mean=[103.530, 116.280, 123.675], bgr_to_rgb=False),
    backbone=dict(
        norm_eval=True,
        init_cfg=dict(
            type="Pretrained", checkpoint="open-mmlab://detectron2/resnet101_caffe"
        ),
    ),
)
