# Table V, without SA: teacher, student and Task 2 see the same view.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-1_50.py"]
stages = _base_.stages
for stage in stages[1:]:
    sources = stage.changes.train_dataloader.dataset.sources
    sources.pseudo.pipeline[-1].views.pseudo_strong = [_base_.pack]
del stage, sources
