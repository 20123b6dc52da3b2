# Six classes of magnetic tiles with 59 masks, of which two show a crack and two a fray:
# what drawing labelled images by class adds to supervised training and to FixMatch, and
# what weights of the pseudo-labels and thresholds of classes add to FixMatch; 18
# trainings.
config = "supervised/supervised_lite0_2k_magnetic-tiles-59.py"
methods = [
    "supervised",
    dict(name="supervised_rare", base="supervised", rare_classes=True),
    "fixmatch",
    dict(name="fixmatch_rare", base="fixmatch", rare_classes=True),
    dict(
        name="fixmatch_rare_weights",
        base="fixmatch",
        rare_classes=True,
        objectives=dict(unimatch=dict(select=dict(type="ClassWeights"))),
    ),
    dict(name="freematch_rare", base="freematch", rare_classes=True),
]
splits = dict(m59="splits/seed{seed}_1_16_labeled.txt")
seeds = [0, 1, 2]
iterations = 2000
