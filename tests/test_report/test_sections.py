"""What a section shows, and when it is left out."""

from __future__ import annotations

import numpy as np
from PIL import Image

from mmseg_semisup.report.contents import read_contents
from mmseg_semisup.report.sections import (
    FIRST_BATCH,
    all_sections,
    lead,
    notices,
    sections_of,
)


def test_the_training_is_told_in_words(make_run):
    sources = {
        "labeled": {"images": 16, "per_step": 2.0, "sizes": "4x4"},
        "unlabeled": {"images": 90, "per_step": 2.0, "sizes": "4x4"},
    }
    data = {"sources": sources, "validated": None, "masks": 0, "masks_read": 0}
    data |= {"classes": [], "warnings": []}
    run = read_contents(make_run(data=data, network="teacher/"))
    assert lead(run) == (
        "EncoderDecoder of UNet learned with the method cutmix from 16 images with "
        "masks and 90 unlabeled ones for 40 iterations. The teacher predicts."
    )


def test_the_picture_of_the_first_batch_is_bounded(make_run):
    folder = make_run(images=0)
    noise = np.random.default_rng(0).integers(0, 256, (900, 4000, 3), np.uint8)
    Image.fromarray(noise).save(folder / FIRST_BATCH)
    sections = {one.key: one for one in sections_of(read_contents(folder), prefix="x-")}
    assert 100_000 < len(sections["x-data"].body) < 1_000_000
    (folder / FIRST_BATCH).write_bytes(b"no picture")
    keys = [one.key for one in all_sections(sections_of(read_contents(folder)))]
    assert keys == ["curves", "classes", "training", "origin"]


def test_a_finished_training_without_warnings_has_no_notices(make_run):
    assert notices(read_contents(make_run())) is None
    stopped = read_contents(make_run("b", finished=False, warnings=["x"]))
    assert notices(stopped, "p-").count("callout") == 2
    assert 'href="#p-warnings"' in notices(stopped, "p-")
