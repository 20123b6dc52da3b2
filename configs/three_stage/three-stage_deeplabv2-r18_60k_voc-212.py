# A small network, from scratch, with 4 + 4 images a step: to measure speed.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-212.py"]
images = dict(batch_size=8, sampler=dict(ratio=dict(labeled=4, pseudo=4)))
narrow = dict(objectives=dict(pseudo_mask=dict(head=dict(in_channels=256))))
method = dict(
    stages=dict(
        stage2=dict(method=narrow, changes=dict(train_dataloader=images)),
        stage3=dict(changes=dict(train_dataloader=images)),
    )
)
model = dict(backbone=dict(depth=18, init_cfg=None), decode_head=dict(in_channels=512))
train_dataloader = dict(batch_size=8)
