from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.vo_emline.evaluate.audit.conftest import InMemory
from vo_emline.errors import UserError
from vo_emline.evaluate.audit import draw, read_sample, write_sample
from vo_emline.evaluate.audit.sample import COLUMNS


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A sample of 60 as it was drawn, nobody having labelled any yet."""
    score = np.linspace(0, 1, 1000)
    scores = pa.table(
        {
            "file": [f"a, b/spec-{i}.fits" for i in range(score.size)],
            "publisher_did": [f"ivo://x/~?s/spec-{i}" for i in range(score.size)],
            "label": np.where(score > 0.5, "emission", "absorption"),
            "score": score,
        }
    )
    path = tmp_path / "sample.csv"
    write_sample(path, draw(InMemory(scores), 60, seed=1))
    return path


def fill(path: Path, label: object) -> None:
    """Let someone write labels: `label` is called with each row."""
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows({**row, "label": label(row)} for row in rows)  # type: ignore[operator]


def test_what_is_written_can_be_read(sample: Path) -> None:
    found = read_sample(sample)
    assert found.blank == 60
    assert sum(one.size for one in found.strata) == 1000
    assert {one.positive for one in found.strata} == {True, False}
    with sample.open(newline="") as stream:
        first = next(csv.DictReader(stream))
    assert list(first) == list(COLUMNS)
    assert first["publisher_did"].endswith(first["id"])
    assert first["file"].startswith("a, b/")


def test_labels_are_counted_by_stratum(sample: Path) -> None:
    fill(sample, lambda row: "Double peak" if float(row["score"]) > 0.5 else "1")
    found = read_sample(sample)
    assert found.blank == found.unknown == 0
    assert sum(one.labelled for one in found.strata) == 60
    assert all(one.hits == (one.labelled if one.positive else 0) for one in found.strata)


def test_unknown_and_blank_count_as_not_drawn(sample: Path) -> None:
    fill(sample, lambda row: ("unknown", "", "emission")[int(row["id"].split("-")[1]) % 3])
    found = read_sample(sample)
    labelled = sum(one.labelled for one in found.strata)
    assert labelled + found.unknown + found.blank == 60
    assert found.unknown > 0
    assert found.blank > 0


def test_profiles_say_what_is_emission_of_the_star(sample: Path) -> None:
    fill(sample, lambda row: ("P Cygni", "nebular", "artefact", "other")[int(row["id"].split("-")[1]) % 4])
    found = read_sample(sample)
    labelled, hits = sum(one.labelled for one in found.strata), sum(one.hits for one in found.strata)
    assert labelled + found.unknown == 60
    assert found.blank == 0
    assert 0 < hits < labelled < 60


def test_labels_that_make_no_sense_are_named(sample: Path) -> None:
    fill(sample, lambda row: "nova")
    with pytest.raises(UserError, match=r"line 2: label 'nova'"):
        read_sample(sample)


def test_a_table_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("id,label\na,emission\n")
    with pytest.raises(UserError, match="audit draw"):
        read_sample(path)


def test_a_spoilt_size_is_named(sample: Path) -> None:
    sample.write_text(re.sub(r'(0-0\.01"?,)', r"\1x", sample.read_text(), count=1))
    with pytest.raises(UserError, match="stratum_size"):
        read_sample(sample)


def test_a_file_that_may_hold_labels_is_not_overwritten(sample: Path) -> None:
    with pytest.raises(UserError, match="may hold labels"):
        write_sample(sample, pa.table({"id": []}))
