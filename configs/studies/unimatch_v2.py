# Seven classes of VOC 2012 with 65 masks: does UniMatch V2 gain with rectangles in every
# image and a teacher that keeps up with 2000 iterations, and with rare classes drawn and
# weighted more? 9 trainings.
config = "supervised/supervised_lite0_2k_voc-animals-65.py"
baseline = "unimatch_v2"
methods = [
    "unimatch_v2",
    dict(
        name="unimatch_v2_cutmix",
        base="unimatch_v2",
        teacher=dict(momentum=0.99),
        objectives=dict(unimatch=dict(mix="cutmix")),
    ),
    dict(
        name="unimatch_v2_cutmix_rare",
        base="unimatch_v2",
        teacher=dict(momentum=0.99),
        rare_classes=True,
        objectives=dict(unimatch=dict(mix="cutmix", select=dict(type="ClassWeights"))),
    ),
]
splits = dict(m65="splits/unimatch183_labeled.txt")
seeds = [0, 1, 2]
iterations = 2000
