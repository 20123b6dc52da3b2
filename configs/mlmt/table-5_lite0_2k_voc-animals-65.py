# All rows of Table 5 on a CPU: both branches, the baselines of both, and the fusion.
_base_ = ["./s4gan-mlmt_lite0_2k_voc-animals-65.py"]
s4gan, mlmt, fused = _base_.stages
rows = dict(baseline_checkpoint="{supervised.last}", cnn_checkpoint="{cnn.last}")
stages = [
    s4gan,
    mlmt,
    dict(
        name="supervised",
        config="../supervised/supervised_lite0_2k_voc-animals-65.py",
    ),
    dict(name="cnn", config="cnn_lite0_2k_voc-animals-65.py"),
    dict(fused, changes=dict(fused["changes"], test_cfg=rows)),
]
