# ST on PASCAL VOC with 183 masks: 80 epochs of 22 steps with 16 labelled images, each twice
# in an epoch, then 80 of 1301 with 8 labelled images and 8 with pseudo-masks.
_base_ = [
    "../_base_/models/deeplabv3plus_r101-d8_st.py",
    "../_base_/datasets/pascal_voc12_aug_400.py",
    "../_base_/schedules/sgd_105k.py",
    "../_base_/default_runtime.py",
]
supervised = dict(
    train_dataloader=dict(batch_size=16),
    train_cfg=dict(max_iters=1760, val_interval=440),
    param_scheduler=[
        dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=1761, by_epoch=False)
    ],
    default_hooks=dict(checkpoint=dict(interval=440)),
)
method = dict(base="st", stages=dict(stage1=dict(changes=supervised)))
labeled = "split:voc12aug/unimatch_183_labeled.txt"
param_scheduler = [
    dict(type="PolyLR", power=0.9, eta_min=0.0, begin=0, end=104081, by_epoch=False)
]
train_cfg = dict(max_iters=104080, val_interval=6505)
default_hooks = dict(checkpoint=dict(interval=6505))
