# "CE + SGAN" of Table 6 with 1/50 of the masks: the loss of the original GAN instead of
# feature matching, no self-training. The paper names no weight; this is the 0.001 of
# AdvSemiSeg on unlabelled images.
_base_ = ["./s4gan_deeplabv2-r101_35k_voc-1322.py"]
method = dict(
    objectives=dict(
        feature_matching=dict(
            generator_loss="standard", weight=0.001, self_training_weight=0.0
        )
    ),
)
labeled = "split:voc12aug/mittal_211_labeled.txt"
