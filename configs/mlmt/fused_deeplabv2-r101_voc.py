# s4GAN or any other DeepLabv2 and MLMT on VOC as one segmentor (Eq. 7):
#   python tools/test.py THIS --cfg-options \
#     model.segmentor_checkpoint=A.pth model.classifier_checkpoint=B.pth
_base_ = [
    "../_base_/models/deeplabv2_r101-d8_imagenet.py",
    "../_base_/models/fused_r101.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
model = dict(
    _base_.fused,
    _delete_=True,
    data_preprocessor=_base_.model.data_preprocessor,
    segmentor=_base_.model,
)
test_cfg = dict(type="FusionTestLoop", baseline_checkpoint=None, cnn_checkpoint=None)
