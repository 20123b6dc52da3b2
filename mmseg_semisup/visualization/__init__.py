"""Pictures."""

from .signal_picture_hook import SignalPictureHook

__all__ = ["SignalPictureHook"]
