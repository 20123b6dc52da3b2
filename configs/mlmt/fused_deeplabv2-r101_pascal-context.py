# s4GAN or any other DeepLabv2 and MLMT on PASCAL-Context as one
# segmentor (Eq. 7), 60 classes:
#   python tools/test.py THIS --cfg-options \
#     model.segmentor_checkpoint=A.pth model.classifier_checkpoint=B.pth
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/models/fused_r101.py",
    "../_base_/datasets/pascal_context.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
num_classes = 60
model = dict(
    _base_.fused,
    _delete_=True,
    data_preprocessor=_base_.model.data_preprocessor,
    segmentor=dict(
        _base_.model,
        decode_head=dict(_base_.model.decode_head, num_classes=num_classes),
    ),
    classifier=dict(_base_.fused.classifier, num_classes=num_classes),
    classes=(
        "background", "aeroplane", "bag", "bed", "bedclothes", "bench", "bicycle",
        "bird", "boat", "book", "bottle", "building", "bus", "cabinet", "car", "cat",
        "ceiling", "chair", "cloth", "computer", "cow", "cup", "curtain", "dog", "door",
        "fence", "floor", "flower", "food", "grass", "ground", "horse", "keyboard",
        "light", "motorbike", "mountain", "mouse", "person", "plate", "platform",
        "pottedplant", "road", "rock", "sheep", "shelves", "sidewalk", "sign", "sky",
        "snow", "sofa", "table", "track", "train", "tree", "truck", "tvmonitor", "wall",
        "water", "window", "wood",
    ),
)  # fmt: skip
test_cfg = dict(type="FusionTestLoop", baseline_checkpoint=None, cnn_checkpoint=None)
