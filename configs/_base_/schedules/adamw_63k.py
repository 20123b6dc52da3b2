# UniMatch V2 on Cityscapes with 186 masks: 180 epochs of 348 steps with 8 unlabelled
# images; rates as on VOC.
_base_ = ["./adamw_39k.py"]
# (1 - t / 62640)^0.9 in iteration t, as published; PolyLR divides by end - begin - 1.
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=62641, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=62640, val_interval=3480)
