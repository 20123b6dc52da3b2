"""The benchmark of the directional loss measures what it says."""

from __future__ import annotations

import torch

from mmseg_semisup.benchmark.contrast import Example, benchmark_contrast


def test_both_compute_the_same():
    example = Example.random(60, 90, 8, "cpu")
    loss, gradient = example.ours()
    expected, expected_gradient = example.straightforward(torch.float64)
    torch.testing.assert_close(loss.double(), expected)
    torch.testing.assert_close(
        gradient.double(), expected_gradient, rtol=1e-4, atol=1e-7
    )


def test_figures():
    result = benchmark_contrast(300, 500, 16, repeats=2)
    assert 0.35 < result["pulled"] < 0.5
    assert set(result["wall_s"]) == {"ours", "straightforward"}
    assert result["loss_error"] < 1e-6
    assert result["gradient_error"] < 1e-5
