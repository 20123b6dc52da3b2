_base_ = "_base.py"
model = dict(
    objectives=[
        dict(
            type="ContextContrastObjective",
            in_channels=8,
            projector=dict(channels=6),
            gamma=0.3,
            bank_size=100,
            batch_negatives=64,
        )
    ]
)
