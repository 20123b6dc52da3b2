# DeepLabv2 of Table 3: 1/4 of the masks alone.
_base_ = ["./supervised_deeplabv2-r101_50k_pascal-context-1_8.py"]
labeled = "ImageSets/SegmentationContext/semi/1_4_labeled.txt"
