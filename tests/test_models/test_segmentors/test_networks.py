"""Further networks by name: a second student, averages, snapshots."""

from __future__ import annotations

import pytest
import tiny_methods
import torch
from helpers import PREPROCESSOR, batch, tiny_segmentor
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmseg.registry import MODELS

from mmseg_semisup.models.training_facts import LENGTH

OPTIMIZER = {"optimizer": {"type": "SGD", "lr": 0.1}}


def build(networks, seed=0, **changes):
    torch.manual_seed(seed)
    return MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": tiny_segmentor(),
            "networks": networks,
            "data_preprocessor": PREPROCESSOR,
            **changes,
        }
    ).train()


def train(model, steps=1):
    wrapper = build_optim_wrapper(
        model, {"constructor": "JointOptimWrapperConstructor", "segmentor": OPTIMIZER}
    )
    for seed in range(steps):
        log = model.train_step(batch(seed=seed), wrapper)
        model.follow()
    return log


def same(one, other):
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize(("init", "equal"), [("copy", True), ("new", False)])
def test_a_peer_begins_as_its_config_says_and_learns(init, equal):
    model = build({"peer": {"type": "Peer", "init": init}})
    peer = model.network("peer")
    assert same(peer, model.segmentor) == equal
    before = peer.decode_head.conv_seg.weight.clone()
    log = train(model)
    assert {"labeled.decode.loss_ce", "peer.labeled.decode.loss_ce"} <= set(log)
    assert not torch.equal(before, peer.decode_head.conv_seg.weight)


def test_a_peer_is_initialised_by_its_config():
    """With pretrained weights where the config names some, and without elsewhere."""
    torch.manual_seed(0)
    segmentor = tiny_segmentor()
    segmentor["backbone"]["init_cfg"] = dict(type="Constant", val=2, layer="Conv2d")
    model = MODELS.build(
        {
            "type": "SemiSegmentor",
            "segmentor": segmentor,
            "networks": {"peer": {"type": "Peer"}},
            "data_preprocessor": PREPROCESSOR,
        }
    )
    model.init_weights()
    mine, theirs = model.segmentor, model.network("peer")
    for network in (mine, theirs):
        assert (network.backbone.conv1.weight == 2).all()
    for name in ("convs.0.conv", "conv_seg"):
        weights = [n.decode_head.get_submodule(name).weight for n in (mine, theirs)]
        assert not torch.equal(*weights)
        own, other = (weight.detach().std().item() for weight in weights)
        assert other == pytest.approx(own, rel=0.5)


def test_two_students_teach_each_other():
    """Cross pseudo supervision: each learns the labels of the other, both at once."""

    def cross(labels_from, network):
        return {
            "type": "ConsistencyObjective",
            "threshold": 0.0,
            "mix": "none",
            "teacher_branch": "unlabeled",
            "student_branch": "unlabeled",
            "labels_from": labels_from,
            "network": network,
        }

    model = build(
        {"peer": {"type": "Peer"}},
        objectives={
            "first": cross("peer", "student"),
            "second": cross("student", "peer"),
        },
    )
    step = model.make_step(**model.data_preprocessor(batch(), True))
    view = step["unlabeled"]
    logits = [step.output(n, view).full_logits for n in ("student", "peer")]
    for name, mine, other in (("first", 0, 1), ("second", 1, 0)):
        loss = model.objectives[name](step)["loss"]
        labels = logits[other].argmax(1)
        slow = torch.nn.functional.cross_entropy(logits[mine], labels)
        torch.testing.assert_close(loss, slow)
        network = ("student", "peer")[mine]
        parameters = list(model.network(network).parameters())
        assert all(
            g is not None
            for g in torch.autograd.grad(
                loss, parameters, retain_graph=True, allow_unused=True
            )[:1]
        )
        untouched = list(model.network(("student", "peer")[other]).parameters())
        grads = torch.autograd.grad(
            loss, untouched, retain_graph=True, allow_unused=True
        )
        assert all(g is None for g in grads)


def test_a_further_average_follows_with_its_own_momentum():
    networks = {"slow": {"type": "Average", "momentum": 0.75, "ramp": False}}
    model = build(networks, teacher={"momentum": 0.5, "ramp": False})
    start = model.segmentor.decode_head.conv_seg.weight.detach().clone()
    train(model)
    now = model.segmentor.decode_head.conv_seg.weight
    for name, share in (("teacher", 0.5), ("slow", 0.75)):
        found = model.network(name).decode_head.conv_seg.weight
        torch.testing.assert_close(found, share * start + (1 - share) * now)


def test_snapshots_are_of_the_times_that_their_config_says():
    networks = {
        f"past_{k}": {"type": "Snapshot", "interval": 4, "offset": 2 * k}
        for k in range(2)
    }
    model = build(networks)
    weights = [model.segmentor.decode_head.conv_seg.weight.detach().clone()]
    wrapper = build_optim_wrapper(
        model, {"constructor": "JointOptimWrapperConstructor", "segmentor": OPTIMIZER}
    )
    for seed in range(7):
        model.train_step(batch(seed=seed), wrapper)
        model.follow()
        weights.append(model.segmentor.decode_head.conv_seg.weight.detach().clone())
    for name, step in (("past_0", 4), ("past_1", 6)):
        found = model.network(name).decode_head.conv_seg.weight
        assert torch.equal(found, weights[step])
        assert not model.network(name).training


def weight_of(network):
    return network.decode_head.conv_seg.weight.detach().clone()


def held(part):
    """The number that all weights of a snapshot's classifier have; 0 without one."""
    return int(weight_of(part.network).mean()) if part.ready else 0


def test_snapshots_at_shares_of_the_training():
    """Every fifth step of 20, one of two in turn; none is ready before its first."""
    MessageHub.get_current_instance().update_info(LENGTH, 20)
    networks = {
        "one": {"type": "Snapshot", "interval": 0.5, "offset": 0.25},
        "two": {"type": "Snapshot", "interval": 0.5},
    }
    model = build(networks)
    taken = {"one": [], "two": []}
    for step in range(1, 21):
        torch.nn.init.constant_(model.segmentor.decode_head.conv_seg.weight, step)
        model.iteration.value = step
        model.follow()
        for name, part in model.networks.items():
            taken[name].append(held(part))
    assert taken["one"] == [0] * 4 + [5] * 10 + [15] * 6
    assert taken["two"] == [0] * 9 + [10] * 10 + [20]


def test_snapshots_in_iterations_with_accumulated_gradients():
    """A share counts iterations, of which only every fourth moves the weights."""
    MessageHub.get_current_instance().update_info(LENGTH, 40)
    model = build({"old": {"type": "Snapshot", "interval": 0.25}})
    ready = []
    for step in range(4, 25, 4):
        model.iteration.value = step
        torch.nn.init.constant_(model.segmentor.decode_head.conv_seg.weight, step)
        model.follow()
        ready.append(model.networks["old"].ready)
    assert ready == [False, False, True, True, True, True]
    assert weight_of(model.network("old")).mean() == 20


def test_snapshots_of_the_best_in_turn():
    networks = {
        name: {"type": "Snapshot", "interval": 2, "offset": k, "every": "best"}
        for k, name in enumerate(("two", "one"))
    }
    model = build(networks)
    found = []
    for number in range(1, 5):
        train(model)  # Steps do not count.
        torch.nn.init.constant_(model.segmentor.decode_head.conv_seg.weight, number)
        model.improve()
        found.append([held(model.networks[name]) for name in ("one", "two")])
    assert found == [[1, 0], [1, 2], [3, 2], [3, 4]]


def test_snapshots_survive_a_resume():
    networks = {"old": {"type": "Snapshot", "interval": 3, "offset": 1}}
    model, other = build(networks), build(networks, seed=5)
    train(model, 2)
    other.load_state_dict(model.state_dict())
    assert other.networks["old"].ready
    for one in (model, other):
        torch.manual_seed(0)
        train(one, 3)
    assert same(model.network("old"), other.network("old"))
    assert model.networks["old"].steps.value == other.networks["old"].steps.value == 5


def test_labels_of_a_snapshot_before_the_first_one_are_refused():
    """An ensemble leaves it out; alone, it would be the untrained student."""
    consistency = {
        "type": "ConsistencyObjective",
        "student_branch": "unlabeled",
        "labels_from": "old",
        "threshold": 0.0,
    }
    networks = {"old": {"type": "Snapshot", "interval": 2}}
    model = build(networks, objectives={"consistency": consistency})
    message = r"the snapshot 'old' in iteration 0, before the first one is taken"
    with pytest.raises(ValueError, match=message):
        train(model)
    model.objectives["consistency"].start = 2
    assert "consistency.loss" in train(model, 3)


def test_a_plain_checkpoint_loads_into_all_that_start_from_the_student():
    networks = {
        "same": {"type": "Peer", "init": "copy"},
        "new": {"type": "Peer"},
        "slow": {"type": "Average", "momentum": 0.9},
    }
    plain = build({}, seed=7).segmentor.state_dict()
    model = build(networks, teacher={"momentum": 0.9})
    own = {k: v.clone() for k, v in model.network("new").state_dict().items()}
    keys = model.load_state_dict(dict(plain), strict=False)
    assert not keys.unexpected_keys
    for name in ("student", "teacher", "same", "slow"):
        for key, value in model.network(name).state_dict().items():
            assert torch.equal(value, plain[key]), (name, key)
    for key, value in model.network("new").state_dict().items():
        assert torch.equal(value, own[key])


def test_methods_policies_and_networks_combine():
    """No trainable parameter is left without a gradient, and losses are finite."""
    adversarial, self_taught = tiny_methods.adversarial_objectives()
    consistency = {"type": "ConsistencyObjective", "threshold": 0.0}
    ensemble = {"type": "Ensemble", "networks": ["teacher", "slow", "past"]}
    objectives = {
        "first": {
            **consistency,
            "joint": ["labeled"],
            "perturb": {"type": "ChannelDropout"},
        },
        "second": {
            **consistency,
            "student_branch": "unlabeled_second",
            "network": "peer",
            "labels_from": ensemble,
            "joint": ["labeled"],
        },
        "adversarial": adversarial,
        "self_taught": {**self_taught, "confidence": "adversarial.confidence"},
        "contrast": tiny_methods.CONTRAST,
        "latent": tiny_methods.LATENT,
    }
    networks = {
        "peer": {"type": "Peer"},
        "slow": {"type": "Average", "momentum": 0.99},
        "past": {"type": "Snapshot", "interval": 2},
    }
    model = build(networks, objectives=objectives, teacher={"momentum": 0.9})
    data = model.data_preprocessor(tiny_methods.method_batch(0), True)
    losses = model.loss(**data)
    total, log = model.parse_losses(losses)
    total.backward()
    assert all(value.isfinite().all() for value in log.values())
    assert {name.split(".")[0] for name in losses} == {"labeled", "peer", *objectives}
    without = [
        n for n, p in model.named_parameters() if p.requires_grad and p.grad is None
    ]
    assert without == []


def test_any_network_predicts():
    model = build({"peer": {"type": "Peer"}}, test_cfg={"predict_with": "peer"}).eval()
    images = torch.rand(1, 3, 16, 16)
    expected = model.network("peer")(images, mode="tensor")
    assert torch.equal(model(images, mode="tensor"), expected)
    assert model.network_names == ["student", "peer"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": {"student": {"type": "Peer"}}}, "name 'student' is not allowed"),
        ({"networks": {"p": {"type": "Peer", "init": "no"}}}, "init='no'; allowed"),
        ({"networks": {"p": {"type": "Peer", "x": 1}}}, r"networks\.p.*argument 'x'"),
        ({"networks": {"p": {"type": "Snapshot", "interval": 0}}}, "interval=0"),
        (
            {"networks": {"p": {"type": "Snapshot", "interval": 4, "offset": 0.5}}},
            "offset=0.5, every='step'; allowed: .* both whole",
        ),
        (
            {"networks": {"p": {"type": "Snapshot", "interval": 0.5, "every": "best"}}},
            "interval=0.5, offset=0, every='best'; allowed",
        ),
        (
            {"networks": {"p": {"type": "Snapshot", "interval": 5, "every": "bst"}}},
            "every='bst'; allowed",
        ),
        (
            {
                "networks": {},
                "average_losses": True,
                "objectives": tiny_methods.OBJECTIVES["s4gan"],
            },
            "has no single weight, which average_losses=True needs",
        ),
        (
            {"networks": {"p": {"type": "Peer", "segmentor": tiny_segmentor(3)}}},
            r"networks\.p has 3 classes, but the segmentor has 4",
        ),
        (
            {
                "networks": {"consistency": {"type": "Peer"}},
                "teacher": {"momentum": 0.9},
                "objectives": [{"type": "ConsistencyObjective"}],
            },
            "name 'consistency' is not allowed",
        ),
        ({"networks": {}, "test_cfg": {"predict_with": "peer"}}, "allowed: .'student'"),
        (
            {
                "networks": {},
                "objectives": [{"type": "ConsistencyObjective", "labels_from": "peer"}],
            },
            "asks for the network 'peer'; there are .'student'",
        ),
    ],
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)
