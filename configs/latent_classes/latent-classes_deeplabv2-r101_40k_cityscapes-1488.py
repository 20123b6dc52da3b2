# Latent classes on Cityscapes with 1/2 of the masks.
_base_ = ["./latent-classes_deeplabv2-r101_40k_cityscapes-372.py"]
labeled = "split:cityscapes/unimatch_1_2_labeled.txt"
