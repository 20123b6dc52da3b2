# Which classes an image shows, learnt from image labels alone: its class activation maps
# become the pseudo-labels of context-aware-weak_lite0_2k_voc-animals-65. Here the labels
# are read off masks; a list of labels instead is shown in README.md.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
crop_size = (192, 192)
preprocessor = dict(
    _delete_=True,
    type="SemiDataPreprocessor",
    mean=[127.0] * 3,
    std=[128.0] * 3,
    bgr_to_rgb=True,
    size=crop_size,
)
model = dict(backbone=dict(out_indices=(4,)))
method = dict(
    base="cam_classifier",
    model=dict(data_preprocessor=preprocessor),
    ratio=dict(weak=15),
    iterations=1,
    tested=dict(geometry=[dict(type="Resize", scale_factor=0.7, keep_ratio=True)]),
    optim_wrapper=None,
)
labeled = "splits/unimatch183_labeled.txt"
weak = dict(_base_.train_dataloader.dataset, exclude="source:labeled", pipeline=None)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_dataloader = dict(
    batch_size=1,
    dataset=dict(
        pipeline=[
            _base_.load,
            dict(type="LoadAnnotations"),
            dict(
                type="RandomResize",
                scale=(384, 384),
                ratio_range=(0.5, 1.0),
                keep_ratio=True,
            ),
            dict(type="RandomCrop", crop_size=crop_size, cat_max_ratio=1.0),
            dict(type="RandomFlip", prob=0.5),
            dict(type="PackSegInputs"),
        ],
    ),
)
train_cfg = dict(max_iters=1000, val_interval=500)
default_hooks = dict(checkpoint=dict(interval=500))
