# Mean teacher (Tarvainen and Valpola, NeurIPS 2017) for segmentation: the average of the
# student's weights labels an image, and the student learns the sure pixels under strong
# changes of its colours. The loss over sure pixels is that of FixMatch (Sohn et al.,
# NeurIPS 2020), the strong view that of UniMatch (Yang et al., CVPR 2023) with less blur.
method = dict(
    teacher=dict(momentum=0.99),
    objectives=dict(
        consistency=dict(
            type="ConsistencyObjective", weight=1.0, threshold=0.95, mix="none"
        ),
    ),
    views=dict(
        unlabeled="weak",
        unlabeled_strong=[
            dict(
                type="ColorJitter",
                brightness=0.5,
                contrast=0.5,
                saturation=0.5,
                hue=0.25,
                prob=0.8,
            ),
            dict(type="RandomGrayscale", prob=0.2, keep_channels=True),
            dict(type="RandomGaussianBlur", kernel_size=5, prob=0.5),
        ],
    ),
    ratio=dict(unlabeled=1),
)
