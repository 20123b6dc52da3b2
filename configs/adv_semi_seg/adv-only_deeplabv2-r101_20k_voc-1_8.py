# "Baseline + L_adv" of Tables 1, 5 and 6: adversarial learning on the labelled images,
# no unlabelled ones.
_base_ = ["./adv-semi-seg_deeplabv2-r101_20k_voc-1_8.py"]
model = dict(
    objectives=dict(
        adversarial=dict(
            weights=dict(_delete_=True, labeled=0.01),
            start=dict(_delete_=True, labeled=0),
        ),
        self_taught=None,
    ),
)
train_dataloader = dict(
    batch_size=10,
    sampler=dict(ratio=dict(_delete_=True, labeled=1)),
    dataset=dict(
        sources=dict(
            _delete_=True, labeled=_base_.train_dataloader.dataset.sources.labeled
        )
    ),
)
