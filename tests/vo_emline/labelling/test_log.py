"""The log keeps every label once, whatever happens, and says which stand."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from vo_emline.errors import UserError
from vo_emline.labelling import Label, LabelLog
from vo_emline.labels import LABELS, PROFILES
from vo_emline.measure.types import TYPES

STAR = "ivo://example/~?survey/star"


@pytest.fixture
def log(tmp_path: Path) -> LabelLog:
    return LabelLog(tmp_path / "state" / "labels.sqlite")


def label(profile: str = "emission", **more: object) -> Label:
    given = {"publisher_did": STAR, "labeller": "ann", "profile": profile} | more
    return Label.from_json(given)


def undo(done: Label) -> Label:
    return replace(done, label_id=str(uuid4()), profile="", undoes=done.label_id, labelled_at="2030-01-01")


def test_a_label_comes_back_as_it_was_given(log: LabelLog) -> None:
    given = label(
        "p-cygni", queue="audit-1", quality=2, comment="weak, Hβ ≈ too",
        labelled_at="2026-12-01T03:00:00+01:00",
        seconds=2.5, blind=True, view="halpha", model_version="9916", predicted="absorption",
    )  # fmt: skip
    assert log.append([given]) == 1
    (kept,) = log.labels()
    assert kept.received_at
    assert replace(kept, received_at="") == given
    assert kept.labelled_at == "2026-12-01T02:00:00.000Z"
    assert Label.from_json(kept.to_json()) == given


def test_a_label_sent_again_is_stored_once(log: LabelLog) -> None:
    first, second = label(), label("absorption")
    assert log.append([first]) == 1
    assert log.append([first, second, second]) == 1
    assert [each.label_id for each in log.labels()] == [first.label_id, second.label_id]


def test_another_label_under_a_known_id_is_refused_and_nothing_of_its_batch_kept(log: LabelLog) -> None:
    first = label()
    log.append([first])
    with pytest.raises(UserError, match="another label"):
        log.append([label("absorption"), replace(first, profile="absorption")])
    assert log.count() == 1


def test_the_latest_stands_and_undoing_brings_back_the_one_before(log: LabelLog) -> None:
    first = label(labelled_at="2026-12-01T03:00:00Z")
    second = label("double-peak", labelled_at="2026-12-01T03:00:01Z")
    log.append([first, second])
    assert [each.profile for each in log.current()] == ["double-peak"]
    log.append([undo(second)])
    assert [each.profile for each in log.current()] == ["emission"]
    log.append([undo(first)])
    assert log.current() == []
    assert log.count() == 4


def test_labels_that_come_late_stand_where_they_were_given(log: LabelLog) -> None:
    log.append([label("double-peak", labelled_at="2026-12-01T03:00:01Z")])
    log.append([label("emission", labelled_at="2026-12-01T03:00:00Z")])
    assert [each.profile for each in log.current()] == ["double-peak"]


def test_current_tells_labellers_queues_and_spectra_apart(log: LabelLog) -> None:
    early, late = "2026-12-01T03:00:00Z", "2026-12-01T04:00:00Z"
    log.append(
        [
            label("emission", queue="a", labelled_at=early),
            label("absorption", queue="b", labelled_at=late),
            label("nebular", queue="a", labeller="bob", labelled_at=early),
            label("artefact", queue="a", publisher_did="ivo://example/~?other", labelled_at=early),
        ]
    )
    said = {(each.labeller, each.profile) for each in log.current(publisher_did=STAR)}
    assert said == {("ann", "absorption"), ("bob", "nebular")}
    assert [each.profile for each in log.current("a", "ann")] == ["emission", "artefact"]
    assert [each.profile for each in log.labels(queue="b")] == ["absorption"]
    assert [each.profile for each in log.labels(since=2)] == ["nebular", "artefact"]


@pytest.mark.parametrize("change", [{"labeller": "bob"}, {"publisher_did": "ivo://x"}, {"queue": "b"}])
def test_nobody_takes_back_what_is_not_theirs(log: LabelLog, change: dict[str, str]) -> None:
    first = label()
    log.append([first])
    with pytest.raises(UserError, match="takes back"):
        log.append([replace(undo(first), **change)])
    assert len(log.current()) == 1


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("profile", "nova", "none of absorption"),
        ("profile", "", "none of absorption"),
        ("quality", 4, "quality"),
        ("quality", True, "quality"),
        ("seconds", float("nan"), "seconds"),
        ("labelled_at", "yesterday", "labelled_at"),
        ("label_id", "1", "UUID"),
        ("publisher_did", " ", "spectrum"),
        ("comment", "x" * 2001, "comment"),
        ("comment", 3, "comment"),
        ("blind", "yes", "blind"),
        ("colour", "red", "no field colour"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(field: str, value: object, told: str) -> None:
    with pytest.raises(UserError, match=told):
        label(**{field: value})


def test_the_file_itself_refuses_changes(log: LabelLog) -> None:
    log.append([label()])
    with sqlite3.connect(log.database.path) as connection:
        for sql in ("UPDATE labels SET profile = 'absorption'", "DELETE FROM labels"):
            with pytest.raises(sqlite3.IntegrityError, match="labels are kept"):
                connection.execute(sql)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_what_is_no_log_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    connection.close()
    text = tmp_path / "notes.txt"
    text.write_text("no database at all, but a text that is long enough for a header of one" * 9)
    for path in (other, text):
        before = path.read_bytes()
        with pytest.raises(UserError, match=path.name):
            LabelLog(path)
        assert path.read_bytes() == before


def test_profiles_have_the_digits_and_cover_the_types_of_the_catalogue() -> None:
    assert [profile.key for profile in PROFILES] == list("123456789")
    assert {profile.label for profile in PROFILES} == {*LABELS, None}
    covered = [name for profile in PROFILES for name in profile.types]
    assert sorted(covered) == sorted(TYPES)
