# Seven classes of VOC 2012 with 65 masks: supervised training, mean teacher with CutMix,
# FixMatch, both UniMatches, UniMatch with a teacher, ST in three stages that are as long
# as one training, and supervised training with all 1157 masks; 24 trainings.
config = "supervised/supervised_lite0_2k_voc-animals-65.py"
methods = [
    "supervised",
    "cutmix",
    "fixmatch",
    "unimatch_v2",
    dict(
        name="st_3_stages",
        base="st",
        stages=dict(
            stage1=dict(method=dict(iterations=0.25)),
            stage2=dict(
                method=dict(iterations=0.25),
                pseudo_masks=dict(scales=[0.5, 0.75, 1.0]),
            ),
            stage3=dict(base="stage2", method=dict(iterations=0.5)),
        ),
    ),
    "unimatch_v1",
    # Tells what UniMatch's lack of a teacher costs with few masks.
    dict(
        name="unimatch_v1_teacher",
        base="unimatch_v1",
        teacher=dict(momentum=0.996, ramp=True),
        objectives=dict(
            unimatch=dict(
                labels_from="teacher", partners_from="teacher", weak_joint=["labeled"]
            )
        ),
    ),
]
splits = dict(m65="splits/unimatch183_labeled.txt")
all_masks = True
selection = True
seeds = [0, 1, 2]
iterations = 2000
