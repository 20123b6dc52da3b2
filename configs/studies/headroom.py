# Seven classes of VOC 2012 with 65 masks: does self-training twice, or before
# UniMatch V2, win half of what all masks win, in 2000 iterations in all? Labels at the
# scales that are right most often there; 5 trainings.
config = "supervised/supervised_lite0_2k_voc-animals-65.py"
methods = [
    "supervised",
    dict(
        name="st_2_stages",
        base="st",
        length=0.25,
        stages=dict(stage2=dict(pseudo_masks=dict(scales=[0.5, 0.75, 1.0]))),
    ),
    dict(
        name="st_3_stages",
        base="st",
        length=0.25,
        stages=dict(
            stage2=dict(pseudo_masks=dict(scales=[0.5, 0.75, 1.0])),
            stage3=dict(
                base="stage2",
                changes=dict(
                    train_cfg=dict(max_iters=1000, val_interval=250),
                    param_scheduler=[
                        dict(
                            type="PolyLR",
                            power=0.9,
                            eta_min=0.0,
                            begin=0,
                            end=1000,
                            by_epoch=False,
                        )
                    ],
                    default_hooks=dict(checkpoint=dict(interval=250)),
                ),
            ),
        ),
    ),
    dict(
        name="st_then_unimatch_v2",
        base="st",
        length=0.25,
        stages=dict(
            stage2=dict(pseudo_masks=dict(scales=[0.5, 0.75, 1.0])),
            stage3=dict(
                method="unimatch_v2",
                changes=dict(
                    load_from="{stage2.last}",
                    train_cfg=dict(max_iters=1000, val_interval=250),
                    param_scheduler=[
                        dict(
                            type="PolyLR",
                            power=0.9,
                            eta_min=0.0,
                            begin=0,
                            end=1000,
                            by_epoch=False,
                        )
                    ],
                    default_hooks=dict(checkpoint=dict(interval=250)),
                ),
            ),
        ),
    ),
]
splits = dict(m65="splits/unimatch183_labeled.txt")
all_masks = True
seeds = [0]
iterations = 2000
