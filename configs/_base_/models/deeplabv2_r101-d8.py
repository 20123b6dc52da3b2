# DeepLabv2 (Chen et al., TPAMI 2017) with ResNet-101 at output stride 8, without
# multi-scale fusion: the network of AdvSemiSeg, s4GAN and three-stage self-training.
#
# Start: the checkpoint pre-trained on ImageNet and MS COCO that AdvSemiSeg's authors
# published; its parameters have the names of mmseg's ResNet (the classifier is left
# out). ImageNet weights instead: deeplabv2_r101-d8_imagenet.py.
#
# BatchNorm. The published code freezes weight and bias (requires_grad=False), but uses
# batch statistics in training, and updates the running ones from labelled and
# unlabelled batches alike:                  requires_grad=False, norm_eval=False (here)
# Nothing moves, running statistics in training:  requires_grad=False, norm_eval=True
# Trained as usual:                               requires_grad=True,  norm_eval=False
#
# Caffe's max pooling rounds sizes up, mmseg's down: the same for sides of 8 k + 1
# pixels, as 321 and 505; otherwise features may be a pixel larger in the authors' code.
norm_cfg = dict(type="BN", requires_grad=False)
model = dict(
    type="EncoderDecoder",
    data_preprocessor=dict(
        type="SegDataPreProcessor",
        # RGB in 0..255; padding is 0 after the mean is subtracted.
        mean=[122.67891434, 116.66876762, 104.00698793],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type="ResNet",
        depth=101,
        num_stages=4,
        out_indices=(3,),
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        contract_dilation=False,
        style="caffe",
        norm_cfg=norm_cfg,
        norm_eval=False,
        init_cfg=dict(
            type="Pretrained",
            checkpoint="http://vllab1.ucmerced.edu/~whung/adv-semi-seg/"
            "resnet101COCO-41f33a49.pth",
        ),
    ),
    decode_head=dict(
        type="DeepLabV2Head",
        in_channels=2048,
        in_index=0,
        num_classes=21,
        dilations=(6, 12, 18, 24),
        align_corners=True,
        loss_decode=dict(type="PixelCrossEntropy"),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)
