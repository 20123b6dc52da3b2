# "CNN" in Table 5: the classifier from the labelled images alone.
_base_ = ["./mlmt_lite0_2k_voc-animals-65.py"]
method = dict(
    model=dict(teacher=None, consistency=None, test_cfg=dict(predict_with="student")),
    views=None,
    ratio=None,
    weak=None,
)
