# The strong view of UniMatch's code, after the geometry that all views share: colours with
# probability 0.8, grey 0.2, blur 0.5 with a kernel that holds three times the greatest sigma.
strong = [
    dict(
        type="ColorJitter",
        brightness=0.5,
        contrast=0.5,
        saturation=0.5,
        hue=0.25,
        prob=0.8,
    ),
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True),
    dict(type="RandomGaussianBlur", kernel_size=13, sigma=(0.1, 2.0), prob=0.5),
]
