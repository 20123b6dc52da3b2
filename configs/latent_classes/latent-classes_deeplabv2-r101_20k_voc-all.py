# Latent classes on PASCAL VOC with all masks (Table 1): without unlabelled images, the
# branch only learns latent classes, beside the adversarial loss on labelled images.
_base_ = ["./latent-classes_deeplabv2-r101_20k_voc-1322.py"]
method = dict(
    objectives=dict(
        latent_class=dict(consistency_weight=0.0),
        adversarial=dict(weights=dict(unlabeled=0.0), fake_branches=["labeled"]),
    ),
    views=None,
    ratio=None,
)
labeled = "split:voc12aug/train_aug.txt"
