"""Labels of several networks together, fixed or drawn."""

from __future__ import annotations

import collections

import numpy as np
import pytest
import torch

from mmseg_semisup.models.policies import Ensemble, Judgement
from test_models.test_policies.test_labels import make_step

NAMES = ("a", "b", "c", "d")


class Networks:
    """A step's iteration, and which networks there are."""

    def __init__(self, iteration=0, there=NAMES):
        self.iteration = iteration
        self.there = there

    def has_network(self, name):
        return name in self.there


def test_an_ensemble_averages_logits():
    step = make_step()
    weak = step["unlabeled"]
    networks, weights = ("teacher", "slow", "student"), (1, 2, 1)
    output = Ensemble(networks, weights)(step, weak)
    mean = sum(
        w / 4 * step.output(n, weak).full_logits
        for n, w in zip(networks, weights, strict=True)
    )
    torch.testing.assert_close(output.probs, mean.softmax(1).detach())
    assert torch.equal(output.labels, mean.argmax(1))
    assert not output.probs.requires_grad
    judgement = Judgement(output, weak, step["unlabeled_strong"])
    torch.testing.assert_close(judgement.confidence, mean.softmax(1).amax(1).detach())


def test_networks_that_are_not_there_are_left_out():
    ensemble = Ensemble(NAMES, [1, 2, 3, 4])
    assert ensemble.draw(Networks(there=("b", "d"))) == {"b": 2 / 6, "d": 4 / 6}
    assert not ensemble.ready(Networks(there=()))
    assert ensemble.ready(Networks(there=("c",)))
    drawn = Ensemble(NAMES, "dirichlet", members=(2, 3))
    assert drawn.draw(Networks(there=("c",))) == {"c": 1.0}


def test_draws_depend_on_seed_and_iteration_alone():
    """So they are the same in all processes, for all views, and after a resume."""
    one, other = (Ensemble(NAMES, "dirichlet", members=(1, 3)) for _ in range(2))
    torch.manual_seed(1)
    first = [one.draw(Networks(k)) for k in range(20)]
    np.random.seed(3)
    assert [other.draw(Networks(k)) for k in range(20)] == first
    assert len({tuple(draw.items()) for draw in first}) > 10
    third = Ensemble(NAMES, "dirichlet", members=(1, 3), seed=1)
    assert [third.draw(Networks(k)) for k in range(20)] != first


def test_numbers_members_and_weights_are_uniform():
    ensemble = Ensemble(NAMES, "dirichlet", members=(1, 3))
    numbers, members, firsts = collections.Counter(), collections.Counter(), []
    total = 6000
    for iteration in range(total):
        drawn = ensemble.draw(Networks(iteration))
        assert sum(drawn.values()) == pytest.approx(1)
        numbers[len(drawn)] += 1
        members.update(list(drawn))
        if len(drawn) == 2:
            firsts.append(next(iter(drawn.values())))
    assert sorted(numbers) == [1, 2, 3]
    for count in numbers.values():
        assert count / total == pytest.approx(1 / 3, abs=0.03)
    for count in members.values():
        assert count / total == pytest.approx(2 / 4, abs=0.03)
    # Of two weights, Dirichlet(1, 1) makes the first one uniform in 0..1.
    firsts = np.sort(firsts)
    uniform = (np.arange(len(firsts)) + 0.5) / len(firsts)
    assert np.abs(firsts - uniform).max() < 0.05


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"networks": []}, "one weight, not negative, for each"),
        ({"networks": ["a"], "weights": [1, 2]}, "one weight, not negative, for each"),
        ({"networks": ["a"], "weights": [0]}, "not all of them 0"),
        ({"networks": ["a", "a"]}, "one weight, not negative, for each"),
        ({"networks": ["a"], "weights": "drichlet"}, "weights='drichlet'.*'dirichlet'"),
        ({"networks": ["a"], "members": (1, 2)}, r"members=\(1, 2\) of 1 networks"),
        ({"networks": ["a"], "members": (0, 1)}, "1 <= least <= greatest"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        Ensemble(**arguments)
