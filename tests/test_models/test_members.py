"""Tensors of a network, whatever has been done to it since the last time."""

from __future__ import annotations

import copy
import gc
import weakref

import pytest
import torch
from torch import nn

from mmseg_semisup.models.members import members_of


class Network(nn.Module):
    """A tied weight, a shared module, a missing bias, and buffers."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3, bias=False)
        self.blocks = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ReLU())
        self.again = self.blocks[0]
        self.tied = nn.Linear(3, 3, bias=False)
        self.tied.weight = self.first.weight
        self.empty = None
        self.register_module("none", None)
        self.register_buffer("index", torch.arange(4))
        self.register_buffer("passing", torch.zeros(2), persistent=False)


def replace_parameter(network):
    network.blocks[0].weight = nn.Parameter(torch.randn(3, 3))


def replace_buffer(network):
    network.blocks[1].running_mean = torch.randn(3)


def convert(network):
    network.double()


def replace_module(network):
    network.blocks[0] = nn.Linear(3, 5)


def replace_module_deep(network):
    network.blocks = nn.Sequential(network.blocks[1], nn.Sequential(network.first))


def swap_modules(network):
    first, second = network.first, network.again
    del network.first, network.again
    network.again, network.first = second, first


def add_module(network):
    network.blocks.append(nn.Linear(2, 2))


def remove_module(network):
    del network.blocks[1]


def add_tensors(network):
    network.blocks[0].register_parameter("more", nn.Parameter(torch.ones(1)))
    network.blocks[0].register_buffer("other", torch.ones(1))


def parametrize(network):
    nn.utils.parametrizations.weight_norm(network.blocks[0])


def check(network):
    found = members_of(network)
    for one, other in zip(
        found, (network.parameters(), network.buffers()), strict=True
    ):
        expected = list(other)
        assert len(one) == len(expected) > 0
        assert all(a is b for a, b in zip(one, expected, strict=True))


@pytest.mark.parametrize(
    "change",
    [
        replace_parameter,
        replace_buffer,
        convert,
        replace_module,
        replace_module_deep,
        swap_modules,
        add_module,
        remove_module,
        add_tensors,
        parametrize,
    ],
)
def test_the_tensors_are_those_of_a_walk(change):
    network = Network()
    twin = copy.deepcopy(network)
    for _ in range(2):
        check(network)
    change(network)
    for _ in range(2):
        check(network)
    check(twin)


def test_no_network_is_kept_alive():
    network = Network()
    members_of(network)
    seen = weakref.ref(network)
    del network
    gc.collect()
    assert seen() is None
