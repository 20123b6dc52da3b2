# ST on Cityscapes with 372 masks: 240 epochs of 23 steps with 16 labelled images, then 240
# of 325 with 8 labelled images and 8 with pseudo-masks.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d8_st.py",
    "../_base_/datasets/cityscapes_721.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
supervised = dict(
    train_dataloader=dict(batch_size=16),
    train_cfg=dict(max_iters=5520, val_interval=1380),
    param_scheduler=[
        dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=5521, by_epoch=False)
    ],
    default_hooks=dict(checkpoint=dict(interval=1380)),
)
method = dict(base="st", stages=dict(stage1=dict(changes=supervised)))
labeled = "split:cityscapes/unimatch_1_8_labeled.txt"
model = dict(decode_head=dict(num_classes=19))
optim_wrapper = dict(optimizer=dict(lr=0.04))
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=78001, by_epoch=False)
]
train_cfg = dict(max_iters=78000, val_interval=3900)
default_hooks = dict(checkpoint=dict(interval=3900))
