# PASCAL VOC with 106 masks (1/100): lambda_1 = lambda_2 = 1/4.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-212.py"]
labeled = "split:voc12aug/mittal_106_labeled.txt"
