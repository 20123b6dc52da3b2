"""Compares methods over seeds and lists of masks, and writes the tables of the docs.

``cli`` and the layers below may be imported.
"""
