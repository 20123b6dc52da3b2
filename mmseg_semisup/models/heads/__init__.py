"""Decode heads that MMSegmentation lacks."""
