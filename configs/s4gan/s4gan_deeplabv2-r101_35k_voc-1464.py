# s4GAN on PASCAL VOC with the 1464 masks of VOC itself, and 9118 images without (Table 7).
_base_ = ["./s4gan_deeplabv2-r101_35k_voc-1322.py"]
labeled = "split:voc12aug/unimatch_1464_labeled.txt"
