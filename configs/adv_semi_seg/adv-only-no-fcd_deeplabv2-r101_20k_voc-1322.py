# Table 6 without the fully convolutional discriminator: one score an image.
_base_ = ["./adv-only_deeplabv2-r101_20k_voc-1322.py"]
method = dict(objectives=dict(adversarial=dict(discriminator=dict(end="fc"))))
