# The same network for Cityscapes: the hard pixels alone train it, a second head learns from
# the third stage, and tests see windows of 769 pixels, each two thirds further.
_base_ = ["./deeplabv3plus_r101-d8_u2pl.py"]
# 100,000 pixels for the two images of each of the paper's 8 GPUs.
hard_pixels = dict(
    type="HardPixelCrossEntropy", threshold=0.7, min_kept_per_image=50_000
)
model = dict(
    decode_head=dict(num_classes=19, loss_decode=hard_pixels),
    auxiliary_head=dict(
        type="FCNHead",
        in_channels=1024,
        in_index=2,
        channels=256,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=19,
        norm_cfg=_base_.norm_cfg,
        align_corners=True,
        loss_decode=dict(**hard_pixels, loss_weight=0.4),
    ),
    test_cfg=dict(mode="slide", crop_size=(769, 769), stride=(513, 513)),
)
