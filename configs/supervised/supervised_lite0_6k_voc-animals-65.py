# The baseline of three-stage self-training: as many iterations as its stages together.
_base_ = ["./supervised_lite0_2k_voc-animals-65.py"]
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=6000, by_epoch=False)
]
train_cfg = dict(max_iters=6000)
