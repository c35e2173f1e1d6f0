"""Labels go out and come in without loss, and other programs' tables are taken."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from vo_emline.errors import UserError
from vo_emline.evaluate.audit import read_sample
from vo_emline.labelling import Label, LabelLog, QueueItem
from vo_emline.labelling.exchange import agreed_rows, each_row, read_consensus, read_log, write_export
from vo_emline.labelling.log import standing
from vo_emline.training import read_labels

DID = "ivo://example/~?survey/Spec-1"
FORMATS = (".csv", ".vot", ".ecsv", ".fits", ".parquet")


def label(labeller: str, profile: str, did: str = DID, **more: object) -> Label:
    return Label.from_json({"publisher_did": did, "labeller": labeller, "profile": profile} | more)


@pytest.fixture
def labels() -> list[Label]:
    first = label("ann", "p-cygni", quality=2, comment='weak, "violet" side', seconds=2.25, blind=True,
                  view="halpha", model_version="m", predicted="absorption", queue="audit-1")  # fmt: skip
    wrong = label("bob", "nebular", labelled_at="2026-12-01T03:00:00Z")
    undo = replace(wrong, label_id=str(uuid4()), profile="", undoes=wrong.label_id)
    return [first, wrong, undo, label("bob", "emission"), label("ann", "cannot-tell", "ivo://x/~?survey/b")]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_log_goes_out_and_comes_in(labels: list[Label], suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"log{suffix}"
    write_export(path, each_row(labels))
    assert read_log(path) == labels
    log = LabelLog(tmp_path / "labels.sqlite")
    assert log.append(read_log(path)) == len(labels)
    assert log.append(read_log(path)) == 0
    assert {each.label_id for each in log.current()} == {each.label_id for each in standing(labels)}


@pytest.mark.parametrize("suffix", FORMATS)
def test_what_people_agree_on_goes_out_and_comes_in(labels: list[Label], suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"agreed{suffix}"
    write_export(path, agreed_rows(standing(labels)))
    split, dark = read_consensus(path).to_pylist()
    assert (split["publisher_did"], split["id"]) == (DID, "spec-1")
    assert (split["profile"], split["label"], split["is_emission"]) == ("", "emission", 1)
    assert (split["n_labellers"], split["decided_by"]) == (2, "nobody")
    assert (dark["profile"], dark["label"], dark["is_emission"]) == ("cannot-tell", "unknown", None)


def test_training_takes_the_export_as_it_is(labels: list[Label], tmp_path: Path) -> None:
    path = tmp_path / "agreed.csv"
    items = [QueueItem(publisher_did=did) for did in (DID, "ivo://x/~?survey/b", "ivo://x/~?survey/open")]
    write_export(path, agreed_rows(standing(labels), items))
    assert read_labels(path) == {"spec-1": "emission", "b": "unknown"}
    one = tmp_path / "log.csv"
    write_export(one, each_row([label("ann", "double-peak"), label("ann", "artefact", "ivo://x/c")]))
    assert read_labels(one) == {"spec-1": "double-peak", "c": "unknown"}


def test_an_audit_takes_the_export_of_its_queue(tmp_path: Path) -> None:
    items = [
        QueueItem(publisher_did=f"ivo://x/{number}", file=f"{number}.fits", stratum="positive 0.8-0.95",
                  stratum_size=90, weight=18.0, predicted="emission", score=0.9)
        for number in range(5)
    ]  # fmt: skip
    profiles = ["p-cygni", "nebular", "cannot-tell", "emission"]
    given = [label("ann", profile, f"ivo://x/{number}") for number, profile in enumerate(profiles)]
    split = [label("bob", "absorption", "ivo://x/3")]  # nobody knows
    path = tmp_path / "audit.csv"
    write_export(path, agreed_rows([*given, *split], items))
    found = read_sample(path)
    (stratum,) = found.strata
    assert (stratum.size, stratum.labelled, stratum.hits, stratum.positive) == (90, 2, 1, True)
    assert (found.blank, found.unknown) == (1, 2)


def test_names_are_looked_up_in_a_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text("id,label,note\nspec-1.fits,Double peak,x\nspec-2.fits,,\nspec-3,0,\n")
    known = {"spec-1.fits": DID, "spec-3": "ivo://x/3"}
    labels = read_log(path, labeller="eva", find=lambda names: {n: known[n] for n in names if n in known})
    assert [label.publisher_did for label in labels] == [DID, "ivo://x/3"]
    with pytest.raises(UserError, match=r"1 rows name no publisher DID, such as 'spec-3'"):
        read_log(path, labeller="eva", find=lambda names: {"spec-1.fits": DID})


def test_labels_without_identifiers_are_the_same_each_time(tmp_path: Path) -> None:
    path = tmp_path / "theirs.csv"
    path.write_text(f"publisher_did,label,note\n{DID},Double peak,x\nivo://x/2,,\nivo://x/3,0,\n")
    with pytest.raises(UserError, match="row 1: nobody is named"):
        read_log(path)
    labels = read_log(path, labeller="eva")
    assert [(one.publisher_did, one.profile) for one in labels] == [
        (DID, "double-peak"),
        ("ivo://x/3", "emission"),
    ]
    assert labels == read_log(path, labeller="eva")
    said = read_consensus(path).to_pylist()
    assert [(row["profile"], row["label"], row["is_emission"]) for row in said] == [
        ("double-peak", "double-peak", 1), ("emission", "emission", 1)
    ]  # fmt: skip


def test_a_log_is_agreed_on_when_it_is_published(labels: list[Label], tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    write_export(path, each_row(labels))
    assert read_consensus(path).equals(agreed_rows(standing(labels)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("a,b\n1,2\n", "must have a column"),
        ("publisher_did,label,quality\nivo://x,emission,3\nivo://y,emis", "line 3 has not as many cells"),
        ("publisher_did,label\nivo://x,emission,3\n", "line 2 has not as many cells"),
        ("publisher_did,label\nivo://x,nova\n", "row 1: label 'nova'"),
        ("id,label\nx,emission\n", "give the catalogue"),
        ("publisher_did,label,quality\nivo://x,emission,9\n", "row 1: quality"),
        ("publisher_did,label,quality\nivo://x,emission,good\n", "row 1: "),
    ],
)
def test_what_makes_no_sense_is_named(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=told):
        read_log(path, labeller="ann")
    with pytest.raises(UserError, match="cannot be read"):
        read_log(tmp_path / "gone.csv")
