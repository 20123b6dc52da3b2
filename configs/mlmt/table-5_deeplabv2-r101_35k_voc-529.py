# All rows of Table 5 (VOC, 1/20 of the masks): both branches, the baselines of both, and
# the fusion.
_base_ = ["./s4gan-mlmt_deeplabv2-r101_35k_voc-529.py"]
s4gan, mlmt, fused = _base_.stages
rows = dict(baseline_checkpoint="{supervised.last}", cnn_checkpoint="{cnn.last}")
stages = [
    s4gan,
    mlmt,
    dict(
        name="supervised",
        config="../s4gan/supervised_deeplabv2-r101_35k_voc-529.py",
    ),
    dict(name="cnn", config="cnn_r101_3k_voc-529.py"),
    dict(fused, changes=dict(fused["changes"], test_cfg=rows)),
]
