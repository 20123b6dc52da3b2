_base_ = ["_base.py"]
model = dict(
    objectives=[
        dict(
            type="LatentClassObjective",
            head=dict(_base_.decode_head, num_classes=3),
            num_classes=4,
            update_rate=0.25,
            start=1,
        )
    ]
)
