# A segmentor and a classifier of seven classes of VOC as one (Eq. 7):
#   python tools/test.py THIS --cfg-options \
#     model.segmentor_checkpoint=A.pth model.classifier_checkpoint=B.pth
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
        num_classes=7,
    ),
    classes=("background", "cat", "cow", "dog", "horse", "sheep", "person"),
    # Without them, an exported file has both networks.
    segmentor_checkpoint=None,
    classifier_checkpoint=None,
    tau=0.2,
    classifier_size=(160, 160),
)
test_cfg = dict(type="FusionTestLoop", baseline_checkpoint=None, cnn_checkpoint=None)
