"""Optimizers, hooks, loops and checkpoints."""

from mmseg_semisup.engine import hooks

__all__ = ["hooks"]
