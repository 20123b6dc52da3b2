# Both branches on VOC as in Table 7, with all masks; their fusion, and its evaluation.
_base_ = ["./s4gan-mlmt_deeplabv2-r101_35k_voc-1_20.py"]
stages = [
    dict(name="s4gan", config="../s4gan/s4gan_deeplabv2-r101_35k_voc-10582.py"),
    dict(name="mlmt", config="mlmt_r101_66k_voc-10582-0-0.py"),
    _base_.stages[2],
]
