# s4GAN on PASCAL VOC with 1/20 of the masks.
_base_ = ["./s4gan_deeplabv2-r101_35k_voc-1322.py"]
labeled = "split:voc12aug/mittal_529_labeled.txt"
