# Context-aware consistency as the authors' code trains it (https://github.com/JIA-Lab-
# research/Context-Aware-Consistency, commit 4fdec7a), where that differs from the paper:
# - the loss is the mean over the pulled pixels;
# - images are scaled relative to a longer side of 400 pixels, unlabelled ones not below
#   0.8.
# The decoder is theirs, too: the projector reads features in front of the dropout of the
# classifier. What remains different: pooled logits have the dropout of their pixels,
# where the code classifies pooled features with a dropout of their own; labelled batches
# are not repeated; the last checkpoint counts, not the best.
_base_ = [
    "../_base_/models/deeplabv3plus_r50-d16_lai.py",
    "../_base_/datasets/pascal_voc12_aug_320.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
load, annotations = dict(type="LoadImageFromFile"), dict(type="LoadAnnotations")
resize = dict(
    type="RandomResize", scale=(400, 400), ratio_range=(0.5, 2.0), keep_ratio=True
)
crop = dict(type="RandomCrop", crop_size=(320, 320), cat_max_ratio=1.0)
flip, pack = dict(type="RandomFlip", prob=0.5), dict(type="PackSegInputs")
train_dataloader = dict(
    dataset=dict(pipeline=[load, annotations, resize, crop, flip, pack])
)
method = dict(
    base="context_aware",
    objectives=dict(context_contrast=dict(reduction="active", bank_size=25600)),
    unlabeled=dict(geometry=[dict(resize, ratio_range=(0.8, 2.0)), crop, flip]),
)
labeled = "split:voc12aug/cac_0_1323_labeled.txt"
default_hooks = dict(checkpoint=dict(interval=5785))
