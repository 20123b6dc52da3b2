# "CE + FM" of Table 6 with 1/8 of the masks: no self-training.
_base_ = ["./s4gan_deeplabv2-r101_35k_voc-1322.py"]
method = dict(objectives=dict(feature_matching=dict(self_training_weight=0.0)))
