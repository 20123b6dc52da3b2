# The consistency's gradient goes to the latent branch, as the sentence after Eq. 10 has
# it; the paper's figures have it the other way round.
_base_ = ["./latent-classes_deeplabv2-r101_20k_voc-1322.py"]
method = dict(
    objectives=dict(latent_class=dict(gradient_to="latent")),
)
