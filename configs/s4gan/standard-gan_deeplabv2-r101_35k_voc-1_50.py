# "CE + SGAN" of Table 6 with 1/50 of the masks: the loss of the original GAN instead of
# feature matching, no self-training. The paper names no weight; this is the 0.001 of
# AdvSemiSeg on unlabelled images.
_base_ = ["./s4gan_deeplabv2-r101_35k_voc-1_50.py"]
objectives = _base_.model.objectives
objectives[0].generator_loss = "standard"
objectives[0].weight = 0.001
objectives[0].self_training_weight = 0.0
model = dict(objectives=objectives)
