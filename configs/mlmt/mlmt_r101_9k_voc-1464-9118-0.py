# Table 7, strong / weak / unlabelled 1464 / 9118 / 0.
_base_ = ["./mlmt_r101_9k_voc-1464-0-9118.py"]
pack = dict(type="PackImageLabels")
# The masks of the weak images are reduced to labels; a list of labels instead:
#   weak=dict(type="WeakLabelDataset", classes=..., ann_file=..., data_prefix=...,
#   pipeline=[load, labels, weak_views])
labeled = _base_.train_dataloader.dataset.sources.labeled
weak_views = dict(
    type="MultiView",
    shared=[_base_.squash],
    views=dict(
        weak=[*_base_.student, pack],
        weak_teacher=[_base_.flip, pack],
    ),
)
train_dataloader = dict(
    batch_size=96,
    sampler=dict(ratio=dict(_delete_=True, labeled=1, weak=5)),
    dataset=dict(
        sources=dict(
            weak=dict(
                type="PascalVOCDataset",
                data_root=_base_.data_root,
                data_prefix=labeled.data_prefix,
                ann_file="split:voc12aug/train_aug.txt",
                exclude="source:labeled",
                pipeline=[*_base_.with_labels, weak_views],
            ),
            unlabeled=None,
        ),
    ),
)
