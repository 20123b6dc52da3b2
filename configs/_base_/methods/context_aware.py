# Context-aware consistency (Lai et al., CVPR 2021, https://arxiv.org/abs/2106.14133). Two
# crops of an image overlap. Where they do, the less confident feature is pulled towards
# the other one (Eqs. 2 and 7), and pushed away from features of other pseudo-classes
# (Eq. 5), also of past steps. Values: sections 3 and 4.1; the start is the 5 epochs of 80
# after which the authors' code turns the loss on.
appearance = [
    dict(
        type="ColorJitter",
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        prob=0.8,
    ),
    dict(
        type="RandomGrayscale",
        prob=0.2,
        keep_channels=True,
        channel_weights=(0.114, 0.587, 0.299),
    ),
    dict(type="RandomGaussianBlur", kernel_size=5, prob=0.5),
]
method = dict(
    objectives=dict(
        context_contrast=dict(
            type="ContextContrastObjective",
            projector=dict(channels=128),
            branches=["unlabeled_first", "unlabeled_second"],
            weight=0.1,
            start=0.0625,
            pool=None,
            gamma=0.75,
            temperature=0.1,
            bank_size=12800,
        ),
    ),
    crop=dict(type="DrawTwoCrops", iou_range=(0.1, 1.0), align=8),
    views=dict(
        unlabeled_first=[dict(type="TakeCrop", which=0), *appearance],
        unlabeled_second=[dict(type="TakeCrop", which=1), *appearance],
    ),
    ratio=dict(unlabeled=1),
)
