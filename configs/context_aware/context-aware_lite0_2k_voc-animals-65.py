# Context-aware consistency on a CPU: seven classes of VOC, 65 masks and 1092 images
# without. Weight, thresholds and the share of the schedule before the start are the
# paper's; the features of a 128x128 crop are 16x16.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _delete_=True,
    type="SemiSegmentor",
    data_preprocessor=dict(_base_.model.data_preprocessor, size=_base_.crop_size),
    segmentor=dict(
        _base_.model,
        decode_head=dict(_base_.model.decode_head, num_classes=7),
    ),
    objectives=dict(
        context_contrast=dict(
            type="ContextContrastObjective",
            projector=dict(channels=128),
            weight=0.1,
            start=125,
            pool=2,
            gamma=0.75,
            # 8 images, 2 crops, 16x16 features; and those of the step before.
            bank_size=4096,
        )
    ),
)
# The labelled batches are those of the supervised baseline. Of an unlabelled image, two
# overlapping crops are taken after one resize.
scale_up = _base_.augment[0]
appearance = [
    dict(type="RandomFlip", prob=0.5),
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
    _base_.pack,
]
train_dataloader = dict(
    dataset=dict(
        sources=dict(
            unlabeled=dict(
                pipeline=[
                    _base_.load,
                    dict(
                        type="MultiView",
                        shared=[
                            scale_up,
                            dict(
                                type="DrawTwoCrops",
                                crop_size=_base_.crop_size,
                                iou_range=(0.1, 1.0),
                                align=8,
                            ),
                        ],
                        views=dict(
                            unlabeled=[
                                dict(
                                    type="TakeCrop",
                                    which=0,
                                    crop_size=_base_.crop_size,
                                ),
                                *appearance,
                            ],
                            unlabeled_second=[
                                dict(
                                    type="TakeCrop",
                                    which=1,
                                    crop_size=_base_.crop_size,
                                ),
                                *appearance,
                            ],
                        ),
                    ),
                ],
            ),
        ),
    ),
)
default_hooks = dict(checkpoint=dict(interval=500))
