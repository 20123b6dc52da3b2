"""Losses of anchors in tiles: sizes, precision, and what is kept."""

from __future__ import annotations

import importlib

import pytest
import torch
import torch.nn.functional as F

from mmseg_semisup.benchmark.operations import count_operations
from mmseg_semisup.models.losses import anchor_contrast

MODULE = importlib.import_module(anchor_contrast.__module__)
CLASSES = 3
GIB = 2**30


def unit(*shape):
    return F.normalize(torch.randn(*shape), dim=-1)


def example(anchors=50, negatives=200, channels=6):
    return (
        unit(anchors, channels),
        unit(anchors, channels),
        torch.randint(0, CLASSES, (anchors,)),
        unit(negatives, channels),
        torch.randint(0, CLASSES, (negatives,)),
    )


def plain(anchors, positives, labels, negatives, negative_labels, temperature=0.1):
    """The definition in float64: losses, and gradients of the anchors."""
    anchors = anchors.double().requires_grad_()
    own = (anchors * positives.double()).sum(1, keepdim=True) / temperature
    others = anchors @ negatives.double().t() / temperature
    others = others.masked_fill(labels.unsqueeze(1) == negative_labels, -torch.inf)
    losses = torch.cat([own, others], dim=1).logsumexp(1) - own.squeeze(1)
    return losses.detach(), torch.autograd.grad(losses.sum(), anchors)[0]


def found(case, **options):
    anchors = case[0].clone().requires_grad_()
    losses = anchor_contrast(anchors, *case[1:], **options)
    return losses.detach(), torch.autograd.grad(losses.sum(), anchors)[0]


def errors(one, other):
    """Relative errors of losses and of gradients."""
    return [
        float((a.double() - b.double()).norm() / b.double().norm())
        for a, b in zip(one, other, strict=True)
    ]


@pytest.mark.parametrize("temperature", [1e-3, 0.02, 1 / 29, 0.1, 1.0, 50.0])
def test_equals_the_definition(temperature):
    case = example()
    wanted = plain(*case, temperature)
    assert max(errors(found(case, temperature=temperature), wanted)) < 3e-6


@pytest.mark.parametrize("temperature", [0.001, 1 / 29.9])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_extremes_stay_finite(temperature, sign):
    """Positives far away, and 100,000 negatives at the anchor; or the reverse."""
    anchors = F.normalize(torch.ones(2, 4), dim=1)
    others = (sign * anchors[:1]).expand(100_000, -1)
    labels = torch.zeros(2, dtype=torch.long)
    keys = torch.ones(len(others), dtype=torch.long)
    case = (anchors, -sign * anchors, labels, others, keys)
    wanted = plain(*case, temperature)
    for one, other in zip(found(case, temperature=temperature), wanted, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("temperature", [0.02, 0.1])
@pytest.mark.parametrize("tile", [(5, 7), (50, 200), (1, 1), (64, 33)])
def test_tiles_do_not_matter(monkeypatch, tile, temperature):
    case = example()
    monkeypatch.setattr(MODULE, "tile_for", lambda *_: tile)
    found_errors = errors(
        found(case, temperature=temperature), plain(*case, temperature)
    )
    assert max(found_errors) < 3e-6


@pytest.mark.parametrize(
    ("anchors", "negatives", "memory", "tile"),
    [
        (6400, 51_200, 80 * GIB, (6400, 51_200)),
        # 1,310 rows would fit: five tiles of equal height
        (6400, 51_200, 8 * GIB, (1280, 51_200)),
        # 67 rows would fit, too few for fast products: 1,024 at a time, in seven tiles
        (6400, 1_000_000, 8 * GIB, (915, 73_343)),
        (10, 20, GIB, (10, 20)),
        (0, 20, GIB, (1, 20)),
        (10, 0, GIB, (10, 1)),
        (100, 100, 1, (1, 1)),
    ],
)
def test_a_tile_follows_from_the_memory(anchors, negatives, memory, tile):
    found_tile = MODULE.tile_in_memory(anchors, negatives, memory)
    assert found_tile == tile
    height, width = found_tile
    elements = max(memory // (MODULE.SHARE * MODULE.BYTES), 1)
    assert height * width <= elements
    assert 1 <= height <= max(anchors, 1)
    assert 1 <= width <= max(negatives, 1)


def test_tiles_of_a_cpu_fit_its_cache():
    assert MODULE.tile_on_cpu(6400, 51_200) == (512, 512)
    assert MODULE.tile_on_cpu(100, 51_200) == (100, 2621)
    assert MODULE.tile_on_cpu(0, 0) == (1, 1)


def clustered(anchors=400, negatives=6000, channels=128):
    """Features around three centres, with any labels: large logits, as trained."""
    centers = unit(CLASSES, channels)

    def features(count):
        noise = 0.5 * torch.randn(count, channels) / channels**0.5
        return F.normalize(centers[torch.randint(CLASSES, (count,))] + noise, dim=1)

    labels = (torch.randint(CLASSES, (count,)) for count in (anchors, negatives))
    pairs = features(anchors), features(anchors)
    return (*pairs, next(labels), features(negatives), next(labels))


ERRORS = {"float32": (1e-6, 1e-6), "tf32": (5e-5, 5e-5), "bfloat16": (5e-4, 1e-3)}
"""Relative errors of losses and gradients, as docs/performance.md has them."""


def rounded(values):
    """Factors of 10 bits, as a GPU's tensor cores take them."""
    return ((values.view(torch.int32) + 2**12) & ~(2**13 - 1)).view(torch.float32)


@pytest.mark.parametrize("make", [clustered, lambda: example(400, 6000, 128)])
@pytest.mark.parametrize("precision", ERRORS)
def test_errors_of_precisions(monkeypatch, precision, make):
    if precision == "tf32":
        # Sums are of float32.
        for name, product in {
            "_logits": lambda rows, values: rounded(rows) @ rounded(values).t(),
            "_add_expected": lambda sums, tile, values: sums.addmm_(
                rounded(tile), rounded(values)
            ),
        }.items():
            monkeypatch.setattr(MODULE, name, product)
    case = make()
    limits = ERRORS[precision]
    found_errors = errors(found(case, precision=precision), plain(*case))
    for error, limit in zip(found_errors, limits, strict=True):
        assert limit / 300 < error < limit


@pytest.mark.parametrize("precision", MODULE.PRECISIONS)
@pytest.mark.parametrize("before", [True, False])
def test_tf32_is_for_the_products_alone(monkeypatch, precision, before):
    matmul = torch.backends.cuda.matmul
    usual = matmul.allow_tf32
    seen = []
    compute = MODULE._logits

    def watched(rows, values):
        seen.append(matmul.allow_tf32)
        return compute(rows, values)

    monkeypatch.setattr(MODULE, "_logits", watched)
    try:
        matmul.allow_tf32 = before
        anchor_contrast(*example(), precision=precision)
        assert seen == [before or precision == "tf32"]
        assert matmul.allow_tf32 is before
    finally:
        matmul.allow_tf32 = usual


def test_an_unknown_precision_is_named():
    with pytest.raises(ValueError, match=r"precision='half'; allowed: \('float32'"):
        anchor_contrast(*example(), precision="half")


def test_calls_of_operators():
    """Of a tile: two products, comparison, mask, exponential, sums, and their parts."""
    case = example(512, 512 * 4)
    calls = [
        count_operations(
            lambda k=k: found((*case[:3], *(x[:k] for x in case[3:]))), "cpu"
        )
        for k in (512, 512 * 4)
    ]
    assert (calls[1].calls - calls[0].calls) / 3 <= 26


def test_nothing_of_anchors_times_negatives_is_kept():
    anchors = unit(100, 8).requires_grad_()
    kept = []

    def note(tensor):
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        losses = anchor_contrast(
            anchors,
            unit(100, 8),
            torch.zeros(100, dtype=torch.long),
            unit(3000, 8),
            torch.ones(3000, dtype=torch.long),
        )
        losses.sum().backward()
    assert max(kept) == anchors.numel()


def test_autocast_changes_nothing():
    anchors, *arguments = example()
    anchors.requires_grad_()
    plain = anchor_contrast(anchors, *arguments)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = anchor_contrast(anchors, *arguments)
        half = anchor_contrast(anchors.bfloat16(), *arguments)
    assert torch.equal(plain, cast)
    assert half.dtype == torch.float32
    (gradient,) = torch.autograd.grad(half.sum(), anchors)
    (expected,) = torch.autograd.grad(plain.sum(), anchors)
    assert gradient.dtype == torch.float32
    torch.testing.assert_close(gradient, expected, rtol=0.05, atol=0.2)


def test_gradcheck():
    anchors = unit(4, 6).double().requires_grad_()
    fixed = (
        unit(4, 6).double(),
        torch.tensor([0, 1, 2, 0]),
        unit(9, 6).double(),
        torch.randint(0, CLASSES, (9,)),
    )
    assert torch.autograd.gradcheck(
        lambda a: anchor_contrast(a, *fixed, temperature=0.5), anchors
    )
