# Six classes of magnetic tiles with 59 masks: the self-training in three stages that was
# chosen on photographs (headroom.py), without a change; 3 trainings.
config = "supervised/supervised_lite0_2k_magnetic-tiles-59.py"
methods = [
    "supervised",
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
]
splits = dict(m59="splits/seed{seed}_1_16_labeled.txt")
all_masks = True
seeds = [0]
iterations = 2000
