"""Chooses the unlabelled images whose masks would help most.

``pseudo_masks``, ``export`` and the layers below them may be imported.
"""
