# PrevMatch on PASCAL VOC with 92 masks, with snapshots of the best validations, one after
# each epoch, as in the authors' code.
_base_ = ["./prevmatch_deeplabv3plus-r50_105k_voc-92.py"]
method = "prevmatch_best"
train_cfg = dict(val_interval=1311)
