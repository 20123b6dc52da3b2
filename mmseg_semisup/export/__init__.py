"""A trained network outside training: as a plain MMSegmentation model, and predicting.

``visualization``, ``engine`` and the rooms below them may be imported.
"""
