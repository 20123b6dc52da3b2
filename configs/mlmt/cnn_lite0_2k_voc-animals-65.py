# "CNN" in Table 5: the classifier from the labelled images alone.
_base_ = ["./mlmt_lite0_2k_voc-animals-65.py"]
model = dict(teacher=None, consistency=None, test_cfg=dict(predict_with="student"))
train_dataloader = dict(
    batch_size=8,
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(sources=dict(unlabeled=None)),
)
