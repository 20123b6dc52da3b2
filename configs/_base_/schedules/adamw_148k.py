# UniMatch V2 on COCO with 232 masks: 20 epochs of 7378 steps with 16 unlabelled images;
# rates as on VOC.
_base_ = ["./adamw_39k.py"]
# (1 - t / 147560)^0.9 in iteration t, as published; PolyLR divides by end - begin - 1.
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=147561, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=147560, val_interval=14756)
