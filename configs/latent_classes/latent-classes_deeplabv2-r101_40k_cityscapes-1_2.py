# Latent classes on Cityscapes with 1/2 of the masks.
_base_ = ["./latent-classes_deeplabv2-r101_40k_cityscapes-1_8.py"]
objectives = _base_.model.objectives
objectives[0].update_rate = 2 / 1488
model = dict(objectives=objectives)
train_dataloader = dict(
    dataset=dict(
        sources=dict(labeled=dict(ann_file="split:cityscapes/unimatch_1_2_labeled.txt"))
    )
)
