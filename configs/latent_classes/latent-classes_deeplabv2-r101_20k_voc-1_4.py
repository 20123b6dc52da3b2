# Latent classes on PASCAL VOC with 1/4 of the masks.
_base_ = ["./latent-classes_deeplabv2-r101_20k_voc-1_8.py"]
model = dict(objectives=dict(latent_class=dict(update_rate=10 / 2645)))
train_dataloader = dict(
    dataset=dict(
        sources=dict(labeled=dict(ann_file="split:voc12aug/mittal_2645_labeled.txt"))
    )
)
