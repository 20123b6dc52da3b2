# The same network for Cityscapes: 19 classes, the hard pixels alone train it, and tests
# see windows of 801 pixels, each two thirds further, whose probabilities are averaged.
_base_ = ["./deeplabv3plus_r50-d16_unimatch.py"]
model = dict(
    type="ProbabilityEncoderDecoder",
    decode_head=dict(
        num_classes=19,
        # 200,000 pixels for each of the paper's 4 GPUs, which have two images.
        loss_decode=dict(
            type="HardPixelCrossEntropy", threshold=0.7, min_kept_per_image=100_000
        ),
    ),
    test_cfg=dict(mode="slide", crop_size=(801, 801), stride=(534, 534)),
)
