# The same with 212 masks from ImageNet weights only (Table III).
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-212.py"]
# The weights expect BGR, as in _base_/models/deeplabv2_r101-d8_imagenet.py.
model = dict(
    data_preprocessor=dict(mean=[103.530, 116.280, 123.675], bgr_to_rgb=False),
    backbone=dict(init_cfg=dict(checkpoint="open-mmlab://detectron2/resnet101_caffe")),
)
