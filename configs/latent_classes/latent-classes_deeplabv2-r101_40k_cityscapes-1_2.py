# Latent classes on Cityscapes with 1/2 of the masks.
_base_ = ["./latent-classes_deeplabv2-r101_40k_cityscapes-1_8.py"]
model = dict(objectives=dict(latent_class=dict(update_rate=2 / 1488)))
train_dataloader = dict(
    dataset=dict(
        sources=dict(labeled=dict(ann_file="split:cityscapes/unimatch_1_2_labeled.txt"))
    )
)
