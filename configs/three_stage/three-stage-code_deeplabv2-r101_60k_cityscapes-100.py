# Three-stage self-training as its authors' code trains it (https://github.com/RK621/
# ThreeStageSelftraining_SemanticSegmentation, commit e9b941d), where that differs from
# the paper:
# - stage 1 takes 20000 iterations of 4 images;
# - the teacher makes stage 3's masks, is validated, and is the result;
# - the backbone learns at a tenth of the learning rate; its optimizer holds parameters
#   several times, which multiplies that: four times for the convolutions of a shortcut,
#   once for the first convolution, three times for all others;
# - two dilated classifiers, as the published module returns before the others;
# - the second branch has an output more than there are classes.
# What remains different: small images are padded at the right and at the bottom, not
# around; the car's own bonnet counts in pseudo-masks.
_base_ = ["./three-stage_deeplabv2-r101_60k_cityscapes-100.py"]
model = dict(segmentor=dict(decode_head=dict(dilations=(6, 12))))
optim_wrapper = dict(
    segmentor=dict(
        paramwise_cfg=dict(
            custom_keys={
                "backbone": dict(lr_mult=0.3),
                "backbone.conv1": dict(lr_mult=0.1),
                "downsample": dict(lr_mult=0.4),
                "auxiliary.stage": dict(lr_mult=1.0),
            }
        )
    )
)
stages = _base_.stages
stages[0].changes.train_cfg = dict(max_iters=20000)
stages[0].changes.train_dataloader.batch_size = 4
for stage in stages[1:]:
    stage.changes.model.test_cfg = dict(predict_with="teacher")
    stage.changes.default_hooks.checkpoint.save_best = "teacher/mIoU"
    stage.changes.model.objectives.pseudo_mask.head.update(
        num_classes=20, dilations=(6, 12)
    )
stages[2].pseudo_masks.network = "teacher"
del stage
