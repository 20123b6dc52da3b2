# Seven classes of VOC 2012 with 65 masks: does self-training twice, or before
# UniMatch V2 or after it, win half of what all masks win, in 2000 iterations in all?
# Labels at the scales that are right most often there; 6 trainings.
config = "supervised/supervised_lite0_2k_voc-animals-65.py"
methods = [
    "supervised",
    dict(
        name="st_2_stages",
        base="st",
        stages=dict(
            stage1=dict(method=dict(iterations=0.25)),
            stage2=dict(
                method=dict(iterations=0.25),
                pseudo_masks=dict(scales=[0.5, 0.75, 1.0]),
            ),
        ),
    ),
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
    dict(
        name="st_then_unimatch_v2",
        base="st",
        stages=dict(
            stage1=dict(method=dict(iterations=0.25)),
            stage2=dict(
                method=dict(iterations=0.25),
                pseudo_masks=dict(scales=[0.5, 0.75, 1.0]),
            ),
            stage3=dict(
                method=dict(base="unimatch_v2", iterations=0.5),
                changes=dict(load_from="{stage2.last}"),
            ),
        ),
    ),
    dict(
        name="unimatch_v2_then_st",
        base="st",
        stages=dict(
            stage1=dict(method=dict(base="unimatch_v2", iterations=0.5)),
            stage2=dict(
                method=dict(iterations=0.5),
                pseudo_masks=dict(scales=[0.5, 0.75, 1.0]),
            ),
        ),
    ),
]
splits = dict(m65="splits/unimatch183_labeled.txt")
all_masks = True
seeds = [0]
iterations = 2000
