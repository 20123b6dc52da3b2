# UniMatch V2 on ADE20K with 316 masks: 60 epochs of 2486 steps with 8 unlabelled
# images; rates as on VOC.
_base_ = ["./adamw_39k.py"]
# (1 - t / 149160)^0.9 in iteration t, as published; PolyLR divides by end - begin - 1.
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=149161, by_epoch=False)
]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=149160, val_interval=12430)
