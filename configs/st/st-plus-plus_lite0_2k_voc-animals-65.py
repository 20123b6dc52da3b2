# ST++ on a CPU: seven classes of VOC, 65 masks and 1092 images without, 2000 iterations a
# stage; a step sees 8 images, half of them with pseudo-masks from the second stage on.
_base_ = ["./st_lite0_2k_voc-animals-65.py"]
method = dict(base="st_plus_plus", stages=dict(stage3=dict(changes=_base_.images)))
