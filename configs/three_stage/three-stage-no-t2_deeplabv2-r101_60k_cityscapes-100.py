# Table V, without T2: no pseudo-masks are learned. Stage 3 then needs nothing of the
# stages before it, so it is the only one.
_base_ = ["./three-stage_deeplabv2-r101_60k_cityscapes-100.py"]
unlabeled = dict(_base_.train_dataloader.dataset.sources.unlabeled)
unlabeled.pop("exclude")
stages = [_base_.stages[2]]
stages[0].pop("pseudo_masks")
stages[0].changes.model.objectives.pseudo_mask = None
sources = stages[0].changes.train_dataloader.dataset.sources
sources.pop("labeled")
sources.pseudo = dict(unlabeled, pipeline=[_base_.load, sources.pseudo.pipeline[-1]])
# All images, those with masks among them.
stages[0].changes.custom_hooks = [
    dict(type="DataCheckHook", level="cheap", allow=["overlap"]),
    dict(type="TeacherUpdateHook"),
]
del sources, unlabeled
