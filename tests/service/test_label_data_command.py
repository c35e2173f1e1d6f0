"""``vo-emline label``: queues, labels out and in, agreement; and what other commands make of the labels."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from service.label_data_command import names_in
from tests.vo_emline.candidates.conftest import write_survey
from tests.vo_emline.labelling.conftest import rows
from vo_emline.cli import app
from vo_emline.errors import UserError
from vo_emline.labelling import Label, LabelLog, Queues
from vo_emline.training import read_labels


def say(*arguments: str | Path, given: str | None = None) -> str:
    done = CliRunner().invoke(app, [*map(str, arguments)], input=given, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    return write_survey(tmp_path / "survey", rows(200), size=90)


def test_a_round_from_queue_to_publication(survey: Path, tmp_path: Path) -> None:
    assert "queue audit-1: 60 of 200" in say("label", "queue", "make", "--release", survey, "--size", "60")
    log = LabelLog(survey / "service-state" / "labels.sqlite")
    items = Queues(log).claim("audit-1", "ann", 60)
    profiles = ["emission" if item.predicted != "absorption" else "absorption" for item in items]
    given = [
        Label(publisher_did=item.publisher_did, labeller="ann", profile=profile, queue="audit-1")
        for item, profile in zip(items[:-5], profiles, strict=False)
    ]
    log.append([*given, Label(publisher_did=items[0].publisher_did, labeller="bob", profile="p-cygni")])
    assert "audit-1\taudit\t60\t55 labelled\tseed 0" in say("label", "queue", "list", "--release", survey)

    audit, labels = tmp_path / "audit.csv", tmp_path / "labels.csv"
    say("label", "export", audit, "--release", survey, "--queue", "audit-1")
    found = say("audit", "estimate", audit)
    assert "precision" in found
    assert "55 labelled of 200 spectra; 5 blank" in found

    say("label", "export", labels, "--release", survey, "--expert", "bob")
    assert len(read_labels(labels)) == 55
    with labels.open(newline="") as stream:
        first = next(row for row in csv.DictReader(stream) if row["publisher_did"] == items[0].publisher_did)
    assert (first["profile"], first["decided_by"], first["n_labellers"]) == ("p-cygni", "expert", "2")
    assert first["file"] == items[0].file

    # in a release under another authority they are the same spectra's
    assert "55  spectra with labels of people" in say(
        "publish", survey, "--labels", labels, "--authority", "new.example"
    )
    with duckdb.connect(str(survey / "release.duckdb"), read_only=True) as database:
        sql = (
            "SELECT count(*), sum((s.label <> 'absorption')::INT) FROM emline.labels AS l "
            "JOIN emline.scores AS s USING (candidate_id) WHERE l.is_emission = 1"
        )
        (both, called) = database.sql(sql).fetchall()[0]
    positive = len(
        {label.publisher_did for label in given if label.profile == "emission"} | {items[0].publisher_did}
    )
    assert both == positive
    assert called >= positive - 1


def test_lists_by_query_names_and_standard_input(survey: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no release that a query"):
        say("label", "queue", "make", "--release", survey, "--adql", "SELECT 1")
    say("publish", survey)
    query = "SELECT TOP 3 score, candidate_id FROM emline.candidates ORDER BY score DESC"
    say("label", "queue", "make", "hot", "--release", survey, "--adql", query)
    names = tmp_path / "names.csv"
    names.write_text("note,id\n# none\nx,spec-0001\ny,gone\n")
    assert "1 of 2 names are not in" in say(
        "label", "queue", "make", "few", "--release", survey, "--names", names
    )
    say(
        "label",
        "queue",
        "make",
        "--release",
        survey,
        "--names",
        "-",
        given="spec-0004.fits\nspec-0002.fits\n",
    )
    queues = Queues(LabelLog(survey / "service-state" / "labels.sqlite"))
    assert [queue.name for queue in queues.all()] == ["hot", "few", "list-1"]
    scores = [item.score or 0.0 for item in queues.items("hot")]
    assert scores == sorted(scores, reverse=True)
    assert [item.publisher_did[-9:] for item in queues.items("list-1")] == ["spec-0004", "spec-0002"]
    shown = say("label", "queue", "show", "list-1", "--release", survey)
    assert "spec-0004" in shown
    assert "emission" not in shown
    say("label", "queue", "remove", "few", "--release", survey)
    assert [queue.name for queue in queues.all()] == ["hot", "list-1"]


def test_logs_are_taken_in_merged_and_compared(survey: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "eva.csv"
    theirs.write_text("id,label\nspec-0001,emission\nspec-0002.fits.gz,absorption\nspec-0003,double-peak\n")
    taken = say("label", "import", theirs, "--release", survey, "--labeller", "eva")
    assert "3 labels taken, 0 were known" in taken
    assert "0 labels taken, 3 were known" in say(
        "label", "import", theirs, "--release", survey, "--labeller", "eva"
    )
    log = LabelLog(survey / "service-state" / "labels.sqlite")
    for label in log.labels():
        profile = "nebular" if label.profile == "double-peak" else label.profile
        log.append([Label(publisher_did=label.publisher_did, labeller="ann", profile=profile)])
    assert "ann\teva\t3 spectra\tagree 67%\tkappa 0.57" in say("label", "agreement", "--release", survey)
    out = tmp_path / "log.csv"
    say("label", "export", out, "--release", survey, "--each")
    merged = tmp_path / "merged.vot"
    assert "6 labels in" in say("label", "merge", out, out, "--output", merged)
    assert "agree 67%" in say("label", "agreement", merged)
    assert "3 spectra in" in say("label", "merge", merged, "--output", tmp_path / "agreed.csv", "--agreed")
    with pytest.raises(UserError, match="whose labels"):
        say("label", "queue", "list")


def test_names_are_read_from_lines_and_columns() -> None:
    assert names_in("a.fits\n\n# no\n b.fits \n") == ["a.fits", "b.fits"]
    assert names_in("score,obs_publisher_did\n1,ivo://a\n2,\n") == ["ivo://a"]
    assert names_in("") == []
