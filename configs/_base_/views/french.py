# The strong view of the code of French et al.: colours with probability 0.8, grey 0.2.
strong = [
    dict(
        type="ColorJitter",
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        prob=0.8,
    ),
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True),
]
