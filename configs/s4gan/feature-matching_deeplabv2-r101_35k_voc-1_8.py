# "CE + FM" of Table 6 with 1/8 of the masks: no self-training.
_base_ = ["./s4gan_deeplabv2-r101_35k_voc-1_8.py"]
objectives = _base_.model.objectives
objectives[0].self_training_weight = 0.0
model = dict(objectives=objectives)
