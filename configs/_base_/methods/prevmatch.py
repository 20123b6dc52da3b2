# PrevMatch (Shin et al., WACV 2026, https://arxiv.org/abs/2405.20610) on UniMatch: the strong
# views and the dropped channels are also learnt with labels of previous students (section
# 3). Each step draws one to three of eight snapshots (N = 8, K = 3) and their weights, from a
# Dirichlet distribution; the mean of their logits labels the weak views, above a threshold
# of 0.9. L = (L_x + L_std + lambda L_prev) / (2 + lambda), where L_std and L_prev have the
# terms of UniMatch, and lambda grows from 0 to 1 at half time and falls back to 0.
# A snapshot is taken each fortieth of the training, two of the 80 epochs on VOC; the authors'
# code chooses them by validation: prevmatch_best.
# Cityscapes: thresholds 0, select=dict(type="MeanConfidence") of `previous`, and online hard
# examples in the segmentor's loss.
_base_ = ["./unimatch_v1.py"]
previous = [f"previous_{number}" for number in range(1, 9)]
method = dict(
    labeled_weight=1.0,
    average_losses=True,
    objectives=dict(
        unimatch=dict(weight=1.0),
        previous=dict(
            type="FurtherLabelsObjective",
            of="unimatch",
            weight=1.0,
            peak=0.5,
            threshold=0.9,
            labels_from=dict(
                type="Ensemble",
                networks=previous,
                weights="dirichlet",
                members=(1, 3),
                evaluation=True,
            ),
        ),
    ),
    networks={
        name: dict(type="Snapshot", interval=8 / 40, offset=number % 8 / 40)
        for number, name in enumerate(previous, 1)
    },
)
