# Three-stage self-training as its authors' code trains it (https://github.com/RK621/
# ThreeStageSelftraining_SemanticSegmentation, commit e9b941d), where that differs from
# the paper:
# - stage 1 takes 10000 iterations;
# - the teacher makes stage 3's masks, is validated, and is the result;
# - the backbone learns at a tenth of the learning rate; its optimizer holds parameters
#   several times, here a multiple of that: four times for the convolutions of a
#   shortcut, once for the first convolution, three times for all others (exact in the
#   first step only: README.md);
# - two dilated classifiers, as the published module returns before the others;
# - consistency counts every pixel but borders that the augmentation exposed: those of
#   padding and those that masks ignore, too;
# - the second branch has an output more than there are classes.
# What remains different: small images are padded at the right and at the bottom, and
# after the augmentation.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-212.py"]
second_branch = dict(head=dict(num_classes=22, dilations=(6, 12)))
semi = dict(
    objectives=dict(consistency=dict(pixels="all"), pseudo_mask=second_branch),
    test_cfg=dict(predict_with="teacher"),
)
method = dict(
    stages=dict(
        stage1=dict(
            changes=dict(
                train_cfg=dict(max_iters=10000),
            )
        ),
        stage2=dict(method=semi),
        stage3=dict(method=semi, pseudo_masks=dict(network="teacher")),
    )
)
model = dict(decode_head=dict(dilations=(6, 12)))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys={
            "backbone": dict(lr_mult=0.3),
            "backbone.conv1": dict(lr_mult=0.1),
            "downsample": dict(lr_mult=0.4),
            "auxiliary.stage": dict(lr_mult=1.0),
        }
    )
)
