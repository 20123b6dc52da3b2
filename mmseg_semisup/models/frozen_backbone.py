"""Backbones without training, which all networks of a model share."""

from __future__ import annotations

import copy

import torch.nn as nn


def frozen_backbone(network: nn.Module) -> nn.Module | None:
    """The backbone of a network if it is never trained, else None.

    A backbone says so by ``frozen = True``. It promises that its parameters need no
    gradients, that it stays in evaluation mode, and that the maps of an image do not
    depend on the other images of a batch.

    Args:
        network: An mmseg segmentor.
    """
    backbone = getattr(network, "backbone", None)
    return backbone if getattr(backbone, "frozen", None) is True else None


def copy_network(network: nn.Module) -> nn.Module:
    """A copy of a network that shares the backbone with it if that is frozen.

    Args:
        network: An mmseg segmentor.
    """
    backbone = frozen_backbone(network)
    shared = {} if backbone is None else {id(backbone): backbone}
    return copy.deepcopy(network, shared)
