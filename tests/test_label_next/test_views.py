from __future__ import annotations

import pytest
import torch

from mmseg_semisup.label_next.views import VIEWS, Mirrored, Smaller


def test_the_mirror_image_is_undone_exactly():
    images = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    view = Mirrored()
    assert torch.equal(view.apply(images), images[..., [4, 3, 2, 1, 0]])
    assert torch.equal(view.undo(view.apply(images)), images)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 40), (64, 48)])
def test_views_keep_the_size_and_constant_maps(size):
    for view in VIEWS:
        images = torch.full((2, 3, *size), 0.25)
        changed = view.apply(images)
        assert changed.shape == images.shape
        torch.testing.assert_close(view.undo(changed), images)


def test_a_smaller_copy_is_where_it_is_looked_for():
    # A plane that rises to the right and down: sizes and places can be read off it.
    rows, columns = torch.meshgrid(
        torch.arange(40.0), torch.arange(60.0), indexing="ij"
    )
    images = torch.stack([rows, columns, rows + columns])[None]
    changed = Smaller().apply(images)
    # Pixel 15 of the copy shows pixel 15.5 / 0.75 - 0.5 of the image.
    assert float(changed[0, 1, 10, 15]) == pytest.approx(15.5 / 0.75 - 0.5, abs=0.05)
    # Behind its border, it is mirrored.
    assert torch.equal(changed[0, :, 30, :45], changed[0, :, 28, :45])
    undone = Smaller().undo(changed)
    assert float((undone - images)[..., 2:-2, 2:-2].abs().max()) < 0.1


def test_probabilities_stay_probabilities():
    logits = torch.randn(1, 4, 21, 13, generator=torch.Generator().manual_seed(1))
    for view in VIEWS:
        probs = view.undo(view.apply(logits[:, :3]).softmax(dim=1))
        torch.testing.assert_close(probs.sum(dim=1), torch.ones(1, 21, 13))
        assert float(probs.min()) >= 0
