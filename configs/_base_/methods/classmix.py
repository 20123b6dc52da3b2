# ClassMix (Olsson et al., WACV 2021, https://arxiv.org/abs/2007.07936): half of the classes
# that the teacher sees in one image are pasted into another one, with their labels; the
# share of confident pixels is the weight of all (section 3.2). Values: section 4.1 and the
# authors' code, whose teacher normalises by its own batches and does not predict.
# VOC: no changes of colours.
method = dict(
    teacher=dict(momentum=0.99, norm="own"),
    objectives=dict(
        consistency=dict(
            type="ConsistencyObjective",
            weight=1.0,
            select=dict(type="ConfidentShare", threshold=0.968),
            mix=dict(type="ClassMix"),
        ),
    ),
    views=dict(
        unlabeled="weak",
        unlabeled_strong=[
            dict(
                type="ColorJitter",
                brightness=0.25,
                contrast=0.25,
                saturation=0.25,
                hue=0.25,
                prob=0.8,
            ),
            dict(
                type="RandomGaussianBlur", kernel_size=7, sigma=(0.15, 1.15), prob=0.5
            ),
        ],
    ),
    ratio=dict(unlabeled=1),
    test_cfg=dict(predict_with="student"),
)
