# "CE + FM" of Table 6, and the curves without self-training of Figure 11, on VOC animals.
_base_ = ["./s4gan_lite0_2k_voc-animals-65.py"]
method = dict(objectives=dict(feature_matching=dict(self_training_weight=0.0)))
