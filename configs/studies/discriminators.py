# Seven classes of VOC 2012 with 65 masks: the discriminators of AdvSemiSeg and s4GAN win
# there. Does one that learns ten times as slowly, or with smoothed targets, help? 500
# iterations, after which supervised training gains no more; 6 trainings.
config = "supervised/supervised_lite0_2k_voc-animals-65.py"
methods = [
    "supervised",
    "adv_semi_seg",
    dict(
        name="adv_semi_seg_smooth",
        base="adv_semi_seg",
        objectives=dict(adversarial=dict(real_target=0.9)),
    ),
    dict(
        name="adv_semi_seg_slow",
        base="adv_semi_seg",
        optim_wrapper=dict(discriminator=dict(optimizer=dict(lr=1e-5))),
    ),
    "s4gan",
    dict(
        name="s4gan_slow",
        base="s4gan",
        optim_wrapper=dict(discriminator=dict(optimizer=dict(lr=1e-5))),
    ),
]
splits = dict(m65="splits/unimatch183_labeled.txt")
seeds = [0]
iterations = 500
