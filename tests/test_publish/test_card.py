"""The model card."""

from __future__ import annotations

import pytest
import yaml

from mmseg_semisup.publish.card import escaped, model_card
from mmseg_semisup.publish.facts import Facts, Source

FACTS = Facts(
    network="teacher",
    classes=["road", "a|b", "<script>"],
    architecture=["EncoderDecoder", "UNet", "FCNHead"],
    method="fixmatch",
    sources=[Source("labeled", "photos", 22), Source("unlabeled", "more", None)],
    validation=Source("validation", 'pho"tos: x', 100),
    iteration=2000,
    iterations=4000,
    seed=3,
    scores={1000: 40.0, 2000: 51.234, 4000: 50.0},
    class_scores={"road": 80.0, "a|b": 12.5},
    started_from={"dinov2-small": "apache-2.0", "dinov3": "other", "a.pth": ""},
)


def head(card: str) -> dict:
    before, text, _ = card.split("---\n", 2)
    assert before == ""
    return yaml.safe_load(text)


def test_the_head_is_what_the_hub_reads():
    title = 'Cats: "and" dogs\n---'
    card = model_card(FACTS, title, {"model.pth": "0" * 64}, "apache-2.0")
    found = head(card)
    assert found["license"] == "apache-2.0"
    (entry,) = found["model-index"]
    assert entry["name"] == title
    (result,) = entry["results"]
    assert result["dataset"]["name"] == 'pho"tos: x'
    assert result["metrics"] == [{"type": "mean_iou", "value": 51.23, "name": "mIoU"}]
    assert "license" not in head(model_card(FACTS, title, {}))


def test_the_hubs_own_library_reads_it():
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard(model_card(FACTS, "Cats", {}, "apache-2.0"))
    assert card.data.license == "apache-2.0"
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value) == ("mean_iou", 51.23)


def test_the_text_states_what_is_known_and_what_is_not():
    card = model_card(FACTS, "Cats", {"model.pth": "0" * 64}, own_parts=True)
    for line in (
        "| method | fixmatch |",
        "| images: labeled | 22 (photos) |",
        "| images: unlabeled | number not known (more) |",
        "| iteration of these weights | 2,000 of 4,000 |",
        "| seed | 3 |",
        "| these weights | 2,000 | 51.23 |",
        "| last | 4,000 | 50.00 |",
        "| best | 2,000 | 51.23 |",
        r"| a\|b | 12.50 |",
        "- 22 images had masks in the training.",
        r"- IoU below 50 %: a\|b.",
        "- Not in the validation images: &lt;script&gt;.",
        "- Nobody has stated a licence of these weights.",
        r"- Training began with dinov2\-small, whose licence is apache-2.0.",
        r"- Training began with a.pth, whose licence is not known; look it up before "
        "you pass these weights on.",
        f"| `model.pth` | `{'0' * 64}` |",
        "- It needs mmsegmentation and mmseg_semisup.",
    ):
        assert line in card.splitlines(), line
    assert "<script>" not in card


def test_a_network_without_records():
    card = model_card(Facts("student", ["road"]), "x", {})
    assert "There is no log of a validation of this network." in card
    assert "model-index" not in head(card)
    assert "| seed | not known |" in card


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a*b_c", r"a\*b\_c"),
        ("[x](y)", r"\[x\]\(y\)"),
        ("a\nb\tc", "a b c"),
        ("# <b> & |", r"\# &lt;b&gt; &amp; \|"),
        ("\x1b[2J\u202e", r"\\x1b\[2J\\u202e"),
    ],
)
def test_texts_are_no_markup(text, expected):
    assert escaped(text) == expected
