"""Publishes a trained network: a folder with weights, config and model card.

``study``, ``export`` and the layers below them may be imported.
"""
