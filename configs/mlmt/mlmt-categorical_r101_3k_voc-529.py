# The first term of Eq. 6 as it stands: a softmax over the classes.
_base_ = ["./mlmt_r101_3k_voc-529.py"]
method = dict(model=dict(label_loss="categorical"))
