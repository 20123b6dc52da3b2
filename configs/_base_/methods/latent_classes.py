# Latent classes (Sawatzky et al., 2019, https://arxiv.org/abs/1912.12936): latent_only,
# and the discriminator of AdvSemiSeg, which learns from labelled and unlabelled
# predictions, and has the segmentor's images of both kinds to judge from the start on.
_base_ = ["./latent_only.py"]
method = dict(
    objectives=dict(
        adversarial=dict(
            type="AdversarialObjective",
            discriminator=dict(type="FCDiscriminator"),
            weights=dict(labeled=0.01, unlabeled=0.001),
            start=dict(labeled=0, unlabeled=0),
            fake_branches=["labeled", "unlabeled"],
            real_branch="labeled",
        ),
    ),
    optim_wrapper=dict(
        discriminator=dict(optimizer=dict(type="Adam", lr=1e-4, betas=(0.9, 0.99))),
    ),
)
