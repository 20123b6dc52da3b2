# A small DeepLabv2, from scratch: for benchmarks and for trying things out.
#
# Plain BN: it works on a CPU and in one process. With several GPUs and few images on
# each, set norm_cfg.type='SyncBN' (in one process mmengine turns it back into BN).
norm_cfg = dict(type="BN", requires_grad=True)
model = dict(
    type="EncoderDecoder",
    data_preprocessor=dict(
        type="SegDataPreProcessor",
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type="ResNet",
        depth=18,
        num_stages=4,
        out_indices=(3,),
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        contract_dilation=False,
        norm_cfg=norm_cfg,
        norm_eval=False,
    ),
    decode_head=dict(
        type="DeepLabV2Head",
        in_channels=512,
        in_index=0,
        num_classes=21,
        dilations=(6, 12, 18, 24),
        align_corners=True,
        loss_decode=dict(type="PixelCrossEntropy"),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)
