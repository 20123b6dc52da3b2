# A segmentor and a classifier of seven classes of VOC as one (Eq. 7):
#   python tools/test_fusion.py THIS --segmentor CHECKPOINT --classifier CHECKPOINT
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _delete_=True,
    type="FusedSegmentor",
    data_preprocessor=_base_.model.data_preprocessor,
    segmentor=dict(
        _base_.model,
        decode_head=dict(_base_.model.decode_head, num_classes=7),
    ),
    classifier=dict(
        type="MultiLabelClassifier",
        backbone=_base_.model.backbone,
        in_channels=320,
        num_classes=7,
    ),
    classes=("background", "cat", "cow", "dog", "horse", "sheep", "person"),
    tau=0.2,
    classifier_size=(160, 160),
)
