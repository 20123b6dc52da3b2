# "Baseline + L_adv" of Tables 1, 5 and 6: adversarial learning on the labelled images,
# no unlabelled ones.
_base_ = [
    "../_base_/models/deeplabv2_r101-d8.py",
    "../_base_/datasets/pascal_voc12_aug.py",
    "../_base_/schedules/sgd_20k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="adv_semi_seg",
    objectives=dict(adversarial=dict(weights=dict(unlabeled=0.0)), self_taught=None),
    views=None,
    ratio=None,
)
labeled = "split:voc12aug/mittal_1322_labeled.txt"
