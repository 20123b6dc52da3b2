# The baseline: the same labelled batches, network and schedule, and nothing else.
_base_ = [
    "../_base_/models/unet_tiny.py",
    "../_base_/datasets/demo.py",
    "../_base_/schedules/adamw_demo.py",
]
method = "supervised"
