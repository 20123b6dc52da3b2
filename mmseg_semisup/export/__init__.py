"""Uses of a trained network: export as a plain model, prediction of image files.

``visualization``, ``engine`` and the layers below them may be imported.
"""
