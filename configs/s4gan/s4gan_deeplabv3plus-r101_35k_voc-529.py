# s4GAN with DeepLabv3+ on PASCAL VOC with 1/20 of the masks.
_base_ = ["./s4gan_deeplabv3plus-r101_35k_voc-1322.py"]
labeled = "split:voc12aug/mittal_529_labeled.txt"
