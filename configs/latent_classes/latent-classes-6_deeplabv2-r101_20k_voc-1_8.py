# 6 latent classes instead of 20 (Table 4).
_base_ = ["./latent-classes_deeplabv2-r101_20k_voc-1_8.py"]
objectives = _base_.model.objectives
objectives[0].head.num_classes = 6
model = dict(objectives=objectives)
