# s4GAN on Cityscapes with 1/4 of the masks.
_base_ = ["./s4gan_deeplabv2-r101_35k_cityscapes-372.py"]
labeled = "split:cityscapes/unimatch_1_4_labeled.txt"
