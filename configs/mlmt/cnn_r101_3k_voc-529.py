# "CNN" in Table 5: the classifier from the labelled images alone.
_base_ = ["./mlmt_r101_3k_voc-529.py"]
method = dict(
    model=dict(teacher=None, consistency=None, test_cfg=dict(predict_with="student")),
    views=None,
    ratio=None,
    weak=None,
)
