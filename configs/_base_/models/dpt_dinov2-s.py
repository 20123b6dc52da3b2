# UniMatch V2's network: DINOv2-small without registers, every level after the final norm,
# and its DPT decoder (22.1 M + 2.7 M parameters with 21 classes).
#
# Start: Meta's dinov2_vits14_pretrain.pth (https://github.com/facebookresearch/dinov2)
# in pretrained/; the library transformers: pip install 'mmseg-semisup[encoders]'.
model = dict(
    type="EncoderDecoder",
    data_preprocessor=dict(
        type="SegDataPreProcessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        # Crops of small images; every side is a multiple of the patch.
        size=(518, 518),
    ),
    backbone=dict(
        type="TransformersBackbone",
        arch="dinov2-small",
        weights="pretrained/dinov2_vits14_pretrain.pth",
    ),
    decode_head=dict(
        type="UniMatchDPTHead",
        in_channels=384,
        channels=64,
        out_channels=[48, 96, 192, 384],
        num_classes=21,
        loss_decode=dict(type="PixelCrossEntropy"),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)
