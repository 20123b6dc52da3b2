"""A trained network without its training: as a plain model, and predicting on files.

``visualization``, ``engine`` and the layers below them may be imported.
"""
