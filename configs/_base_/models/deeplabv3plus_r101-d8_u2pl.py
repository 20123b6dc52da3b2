# DeepLabv3+ with ResNet-101 at output stride 8 as U2PL uses it: dilations 4, 8 and 16 in
# the last stage, rates 12, 24, 36, and 256 channels of the first stage in the decoder. The
# authors' stem has twice the channels of MMSegmentation's ResNetV1c.
_base_ = ["./deeplabv3plus_r101-d16_unimatch.py"]
model = dict(
    backbone=dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), multi_grid=(4, 8, 16)),
    decode_head=dict(
        dilations=(1, 12, 24, 36), c1_channels=256, dropout_ratios=(0.1, 0.1, 0.1)
    ),
)
