"""Pictures."""

from .contexts import ContextPictureHook
from .latent_class_hook import LatentClassHook
from .signal_picture_hook import SignalPictureHook

__all__ = ["ContextPictureHook", "LatentClassHook", "SignalPictureHook"]
