# "ST" of Table 3, self-training after Zoph et al. (NeurIPS 2020): a teacher that learned
# from the masks alone labels the other images, and what it is less than half sure of is
# ignored. First train supervised_pspnet-r50_93k_voc-1323.py, then give its checkpoint:
#   --cfg-options load_from=CHECKPOINT
# The student starts from the same weights; the teacher, with momentum 1, keeps them.
_base_ = [
    "../_base_/models/pspnet_r50-d8.py",
    "../_base_/datasets/pascal_voc12_aug_320.py",
    "../_base_/schedules/sgd_93k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="mean_teacher",
    teacher=dict(momentum=1.0, ramp=False),
    objectives=dict(consistency=dict(threshold=0.5)),
    # The student sees the colours of context-aware consistency, the teacher no other.
    views=dict(
        unlabeled_strong=[
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
    ),
    test_cfg=dict(predict_with="student"),
)
labeled = "split:voc12aug/cac_0_1323_labeled.txt"
default_hooks = dict(checkpoint=dict(interval=5785))
