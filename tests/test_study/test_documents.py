"""Numbers of studies stand in documents as the records have them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from study_records import record

from mmseg_semisup.core.errors import ConfigError
from mmseg_semisup.study.documents import (
    RECORDS,
    find_documents,
    named_studies,
    outdated,
    update_text,
)
from mmseg_semisup.study.results import read_record, to_json
from mmseg_semisup.study.table import make_notes, make_table

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = {p.stem: read_record(p) for p in sorted((ROOT / RECORDS).glob("*.json"))}
TEXT = """# Results

<!-- study: tiny -->
old
<!-- /study -->

Between: `cutmix` gains <!-- study: tiny cutmix gain -->x<!-- /study --> points.

<!-- study: other -->
stays
<!-- /study -->
"""


def test_the_numbers_of_the_documents_are_those_of_the_records():
    assert PUBLISHED
    wrong = [str(path.relative_to(ROOT)) for path, _ in outdated(ROOT, PUBLISHED)]
    assert wrong == []


def test_each_marker_names_a_record_and_each_record_is_shown():
    named = set()
    for path in find_documents(ROOT):
        named |= named_studies(path.read_text(encoding="utf-8"))
    assert named == set(PUBLISHED)


def test_tables_and_numbers_are_written_between_their_markers():
    new = update_text(TEXT, {"tiny": record()}, "a.md")
    assert f"<!-- study: tiny -->\n{make_table(record())}\n<!-- /study -->" in new
    assert "gains <!-- study: tiny cutmix gain -->+4.0 ± 1.0<!-- /study --> po" in new
    assert "stays" in new
    assert "old" not in new
    assert update_text(new, {"tiny": record()}, "a.md") == new


def test_a_changed_number_is_noticed(tmp_path):
    new = update_text(TEXT, {"tiny": record()}, "a.md")
    (tmp_path / "README.md").write_text(new)
    assert list(outdated(tmp_path, {"tiny": record()})) == []
    (tmp_path / "README.md").write_text(new.replace("44.0", "44.1", 1))
    ((path, right),) = outdated(tmp_path, {"tiny": record()})
    assert path.name == "README.md"
    assert right == new


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("cutmix", "44.0 ± 1.0"),
        ("cutmix@m5 best", "44.0"),
        ("supervised@all last", "49.3 ± 1.2"),
        ("cutmix better", "3 of 3"),
        ("cutmix headroom", "43 %"),
        ("cutmix time", "2.5"),
        ("cutmix memory", "1.0 GB"),
        ("notes", f"\n{make_notes(record())}\n"),
    ],
)
def test_single_values(value, text):
    before = f"<!-- study: tiny {value} --><!-- /study -->"
    after = update_text(before, {"tiny": record()}, "a.md")
    assert after == f"<!-- study: tiny {value} -->{text}<!-- /study -->"


def test_yaml_keeps_its_indentation():
    before = (
        "Metrics:\n    # <!-- study: tiny cutmix yaml -->\n    mIoU: 1\n"
        "    # <!-- /study -->\n    other: 2\n"
    )
    after = update_text(before, {"tiny": record()}, "metafile.yml")
    assert yaml.safe_load(after) == {"Metrics": {"mIoU": 44.0, "other": 2}}
    assert update_text(after, {"tiny": record()}, "metafile.yml") == after


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("cutmixx", "no finished 'cutmixx'; did you mean 'cutmix'"),
        ("cutmix@m6", "no finished 'cutmix@m6'"),
        ("cutmix gains", "no value 'gains'; did you mean 'gain'"),
        ("supervised gain", "the study has no 'gain' of 'supervised'"),
        ("cutmix gain more", "allowed: NAME, NAME METHOD VALUE"),
    ],
)
def test_a_wrong_marker_is_named(what, message):
    text = f"<!-- study: tiny {what} --><!-- /study -->"
    with pytest.raises(ConfigError, match=f"a.md: study: tiny {what}: .*{message}"):
        update_text(text, {"tiny": record()}, "a.md")


def test_a_record_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "tiny.json"
    path.write_bytes(to_json(record()))
    assert read_record(path) == record()
    assert len(path.read_text().splitlines()) > len(record()["cells"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no record of a study: it is no JSON"),
        ("{}", "version is missing"),
        (to_json(record(version=3)).decode(), "its version is 3, and 1 is allowed"),
        (to_json(record(cells=[{}])).decode(), r"cells\[0\].cell is missing"),
        (to_json(record(splits=3)).decode(), "splits is 3, and not a list"),
    ],
)
def test_a_file_that_is_no_record(tmp_path, text, message):
    path = tmp_path / "tiny.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_record(path)
