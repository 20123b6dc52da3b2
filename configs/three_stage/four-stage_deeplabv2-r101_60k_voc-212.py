# Section IV-C, a fourth stage, as the third one with its masks.
_base_ = ["./three-stage_deeplabv2-r101_60k_voc-212.py"]
method = dict(stages=dict(stage4=dict(base="stage3")))
