# ST++ on Cityscapes with 372 masks: between the stages of ST, 240 epochs of 174 steps with
# the reliable half of the images.
_base_ = ["./st_deeplabv3plus-r50_78k_cityscapes-372.py"]
half = dict(
    train_cfg=dict(max_iters=41760, val_interval=4176),
    param_scheduler=[
        dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=41761, by_epoch=False)
    ],
    default_hooks=dict(checkpoint=dict(interval=4176)),
)
method = dict(base="st_plus_plus", stages=dict(stage2=dict(changes=half)))
