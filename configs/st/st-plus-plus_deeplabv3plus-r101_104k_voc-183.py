# ST++ on PASCAL VOC with 183 masks: between the stages of ST, 80 epochs of 656 steps with the
# reliable half of the images.
_base_ = ["./st_deeplabv3plus-r101_104k_voc-183.py"]
half = dict(
    train_cfg=dict(max_iters=52480, val_interval=6560),
    param_scheduler=[
        dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=52481, by_epoch=False)
    ],
    default_hooks=dict(checkpoint=dict(interval=6560)),
)
method = dict(base="st_plus_plus", stages=dict(stage2=dict(changes=half)))
