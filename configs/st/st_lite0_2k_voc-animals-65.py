# ST on a CPU: seven classes of VOC, 65 masks and 1092 images without, 2000 iterations a
# stage; a step sees 8 images, half of them with pseudo-masks in the second stage.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
images = dict(train_dataloader=dict(batch_size=8))
method = dict(base="st", stages=dict(stage2=dict(changes=images)))
labeled = "splits/unimatch183_labeled.txt"
model = dict(decode_head=dict(num_classes=7))
default_hooks = dict(checkpoint=dict(interval=500))
