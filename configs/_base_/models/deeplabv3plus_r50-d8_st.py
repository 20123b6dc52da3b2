# DeepLabv3+ with ResNet-50 at output stride 8 as ST uses it: rates 12, 24, 36, full
# convolutions in the decoder, and no multi-grid.
_base_ = ["./deeplabv3plus_r50-d16_lai.py"]
model = dict(
    backbone=dict(
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        contract_dilation=True,
        multi_grid=None,
    ),
    decode_head=dict(dilations=(1, 12, 24, 36), dropout_ratios=(0.5, 0.0, 0.1)),
)
