# U2PL on a CPU: seven classes of VOC, 65 masks and 1092 images without.
_base_ = [
    "../_base_/models/lite0_topdown.py",
    "../_base_/datasets/voc_animals.py",
    "../_base_/schedules/adamw_2k.py",
    "../_base_/default_runtime.py",
]
method = dict(
    base="u2pl",
    objectives=dict(
        contrast=dict(projector=dict(channels=64), num_anchors=128, memory_size=5000)
    ),
)
labeled = "splits/unimatch183_labeled.txt"
model = dict(decode_head=dict(num_classes=7))
default_hooks = dict(checkpoint=dict(interval=500))
