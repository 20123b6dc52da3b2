# The hardest of today's splits: 92 of VOC's own fine masks, 10490 images without.
# Any other list takes its place in the same way.
_base_ = ["./pascal_voc12_aug.py"]
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            labeled=dict(ann_file="split:voc12aug/unimatch_92_labeled.txt"),
        )
    )
)
