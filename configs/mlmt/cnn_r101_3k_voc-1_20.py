# "CNN" in Table 5: the classifier from the labelled images alone.
_base_ = ["./mlmt_r101_3k_voc-1_20.py"]
model = dict(teacher=None, consistency=None, test_cfg=dict(predict_with="student"))
train_dataloader = dict(
    batch_size=16,
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(sources=dict(unlabeled=None)),
)
