"""Datasets, samplers, views and transforms."""
