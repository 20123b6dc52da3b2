# Table 6, L_semi without L_adv: the discriminator is trained and judges, but the
# segmentor does not try to please it.
_base_ = ["./adv-semi-seg_deeplabv2-r101_20k_voc-1322.py"]
method = dict(
    objectives=dict(
        adversarial=dict(weights=dict(labeled=0.0, unlabeled=0.0)),
    ),
)
