# The same from ImageNet weights only (Table III).
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-1_50.py"]
caffe = dict(mean=[103.530, 116.280, 123.675], bgr_to_rgb=False)
model = dict(
    data_preprocessor=caffe,
    segmentor=dict(
        data_preprocessor=caffe,
        backbone=dict(
            init_cfg=dict(checkpoint="open-mmlab://detectron2/resnet101_caffe")
        ),
    ),
)
