"""Backbones that MMSegmentation lacks."""
