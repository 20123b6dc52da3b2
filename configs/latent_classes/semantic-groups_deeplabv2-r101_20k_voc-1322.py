# The latent branch learns the semantic classes themselves ("semantic classes" of
# Table 5): a group for each.
_base_ = ["./latent-classes_deeplabv2-r101_20k_voc-1322.py"]
method = dict(
    objectives=dict(
        latent_class=dict(
            head=dict(num_classes=21), groups={str(i): [i] for i in range(21)}
        )
    ),
)
