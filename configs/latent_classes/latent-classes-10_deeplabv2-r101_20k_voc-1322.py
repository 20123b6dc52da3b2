# 10 latent classes instead of 20 (Table 4).
_base_ = ["./latent-classes_deeplabv2-r101_20k_voc-1322.py"]
method = dict(
    objectives=dict(latent_class=dict(head=dict(num_classes=10))),
)
