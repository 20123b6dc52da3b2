# UniMatch V2's network with DINOv2-base for Cityscapes: 19 classes, the hard pixels alone
# train it, and tests see windows of 798 pixels, 57 patches of 14, each two thirds further,
# whose probabilities are averaged.
_base_ = ["./dpt_dinov2-b.py"]
model = dict(
    type="ProbabilityEncoderDecoder",
    data_preprocessor=dict(size=(798, 798)),
    decode_head=dict(
        num_classes=19,
        # 200,000 pixels for each of the paper's 4 GPUs, which have two images.
        loss_decode=dict(
            _delete_=True,
            type="HardPixelCrossEntropy",
            threshold=0.7,
            min_kept_per_image=100_000,
        ),
    ),
    test_cfg=dict(mode="slide", crop_size=(798, 798), stride=(532, 532)),
)
