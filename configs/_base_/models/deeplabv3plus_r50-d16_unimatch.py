# DeepLabv3+ with ResNet-50 at output stride 16 as UniMatch uses it: a stem of three
# convolutions, rates 6, 12, 18, full convolutions in the decoder, no dropout and no
# multi-grid. The authors' stem has twice the channels of MMSegmentation's ResNetV1c.
_base_ = ["./deeplabv3plus_r50-d16_lai.py"]
model = dict(
    backbone=dict(
        type="ResNetV1c",
        contract_dilation=True,
        multi_grid=None,
        init_cfg=dict(checkpoint="open-mmlab://resnet50_v1c"),
    ),
    decode_head=dict(dropout_ratios=(0.0, 0.0, 0.0)),
)
