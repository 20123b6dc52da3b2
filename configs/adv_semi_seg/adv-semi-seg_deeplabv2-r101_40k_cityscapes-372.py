# AdvSemiSeg on Cityscapes with 1/8 of the masks (Tables 2 and 9): whole images at half
# resolution, two of each kind a step. The weights are those of VOC; the paper names no
# others. Unlabelled images teach from iteration 5000 on, as on VOC.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/cityscapes.py",
    "../_base_/schedules/sgd_40k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="adv_semi_seg",
    objectives=dict(
        adversarial=dict(start=dict(unlabeled=5000)), self_taught=dict(start=5000)
    ),
)
labeled = "split:cityscapes/unimatch_1_8_labeled.txt"
model = dict(decode_head=dict(num_classes=19))
