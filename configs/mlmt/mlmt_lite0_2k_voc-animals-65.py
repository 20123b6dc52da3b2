# MLMT on a CPU: seven classes of VOC, 65 masks and 1092 images without, squashed to
# 160x160 pixels, 8 of each kind a step, with the optimizer of the other methods.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
squashed = dict(geometry=[dict(type="Resize", scale=(160, 160), keep_ratio=False)])
# Images have a quarter of the paper's pixels: half of them are blurred, and less.
student = [
    dict(
        type="ColorJitter",
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        prob=1.0,
    ),
    dict(type="RandomFlip", prob=0.5),
    dict(type="RandomGaussianBlur", kernel_size=7, sigma=(0.1, 2.0), prob=0.5),
]
method = dict(
    base="mlmt",
    # A tenth of the paper's iterations: the average is ten times as short.
    model=dict(teacher=dict(momentum=0.99)),
    ratio=dict(_delete_=True, unlabeled=1),
    iterations=1,
    labeled=dict(squashed, views=dict(labeled=student)),
    unlabeled=squashed,
    views=dict(unlabeled=student),
    tested=squashed,
    optim_wrapper=None,
    param_scheduler=None,
)
labeled = "splits/unimatch183_labeled.txt"
default_hooks = dict(checkpoint=dict(interval=500, save_best="mAP"))
