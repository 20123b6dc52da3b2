# The same network with ResNet-101.
_base_ = ["./deeplabv3plus_r50-d8_st.py"]
model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint="torchvision://resnet101")),
)
