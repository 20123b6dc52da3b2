# "Baseline + L_adv" of Tables 1, 5 and 6: adversarial learning on the labelled images,
# no unlabelled ones.
_base_ = ["./adv-semi-seg_deeplabv2-r101_20k_voc-1_8.py"]
model = dict(
    objectives=[
        dict(
            type="AdversarialObjective",
            discriminator=dict(type="FCDiscriminator", num_classes=21),
            weights=dict(labeled=0.01),
            start=dict(labeled=0),
        ),
    ],
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
