"""A demonstration on generated data for which unlabelled images help.

``python -m mmseg_semisup.demo`` draws the data, trains a supervised baseline and a
semi-supervised method with the configs in ``configs/demo``, and compares them.
Everything may be imported; nothing imports this package.
"""
