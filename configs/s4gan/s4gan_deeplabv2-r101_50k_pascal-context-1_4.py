# s4GAN on PASCAL-Context with 1/4 of the masks.
_base_ = ["./s4gan_deeplabv2-r101_50k_pascal-context-1_8.py"]
labeled = "ImageSets/SegmentationContext/semi/1_4_labeled.txt"
