"""The model card."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from study_records import record

from mmseg_semisup.publish.card import escaped, model_card
from mmseg_semisup.publish.facts import Facts, Source
from mmseg_semisup.report.facts import Facts as Report
from mmseg_semisup.study.gains import make_rows

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


START = {
    "time": "2026-11-27 04:00",
    "iteration": 0,
    "command": "python tools/train.py /home/jane/secret.py",
    "commit": "abc1234",
    "machine": "2 cores of <CPU>",
    "versions": {"torch": "2.13.0", "numpy": "2.0"},
}


def test_what_the_training_said_of_itself():
    data = {
        "masks": 65,
        "masks_read": 15,
        "classes": [{"name": "a|b", "images": 3, "share": 0.0123}],
        "warnings": ["/home/jane/a.png equals /home/jane/b.png"],
    }
    report = Report(starts=[{**START, "machine": "older"}, START], data=data)
    lines = model_card(replace(FACTS, report=report), "Cats", {}).splitlines()
    for line in (
        r"| last started | 2026\-11\-27 04:00 |",
        "| machine | 2 cores of &lt;CPU&gt; |",
        "| commit | abc1234 |",
        "| versions | torch 2.13.0, numpy 2.0 |",
        "| class | masks with it, of the 15 read (of 65) | share of pixels in % |",
        r"| a\|b | 3 | 1.23 |",
        "- The training was not at its end when its report was written.",
    ):
        assert line in lines, line
    # Names of files and the command are nobody else's business.
    assert not [line for line in lines if "jane" in line]
    assert [line for line in lines if "The check of the data gave 1 warning(s)" in line]


def test_all_seeds_of_a_study():
    (_, row, _) = make_rows(record())
    card = model_card(replace(FACTS, study=row), "Cats", {})
    assert "| seed | 0 | 1 | 2 |" in card
    assert "| mIoU in %, last validation | 44.00 | 45.00 | 43.00 |" in card
    assert (
        "Gain over supervised with the same masks, seeds and iterations: +4.0 ± 1.0; "
        "seeds better: 3 of 3." in card
    )
    assert (
        "- Trainings with 3 seeds have a mean mIoU of 44.0 % and a standard deviation "
        "of 1.0." in card
    )
    assert "One seed" not in card
    student = model_card(replace(FACTS, study=row, network="student"), "Cats", {})
    assert "| mIoU in %, last validation | 50.00 | 50.00 | 50.00 |" in student
    assert "Gain over" not in student


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
