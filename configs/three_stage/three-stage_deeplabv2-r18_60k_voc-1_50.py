# A small network, from scratch, with 4 + 4 images a step: to measure speed.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-1_50.py"]
small = dict(depth=18, init_cfg=None)
model = dict(segmentor=dict(backbone=small, decode_head=dict(in_channels=512)))
train_dataloader = dict(batch_size=8)
stages = _base_.stages
for stage in stages[1:]:
    stage.changes.train_dataloader.sampler.ratio.update(labeled=4, pseudo=4)
    stage.changes.model.objectives.pseudo_mask.head.in_channels = 512
del stage
g_hat = stages[1].changes.model.objectives.pseudo_mask
g_hat.stage.backbone.update(small)
g_hat.head.in_channels = 256
