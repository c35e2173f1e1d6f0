"""A release, of tables and of the shards of a survey."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vo_emline.candidates import (
    CANDIDATES,
    PUBLISHED,
    REJECTS,
    SCORES,
    SPECTRA,
    Limits,
    Provenance,
    ReleaseCounts,
    arrow_schema,
    build_release,
    candidate_ids,
    healpix,
    read_release,
    release_survey,
)
from vo_emline.candidates.database import building
from vo_emline.candidates.known import MATCH_SCHEMA, Answers
from vo_emline.errors import EmlineError, UserError
from vo_emline.labels import LABELS
from vo_emline.tables import Table

from .conftest import score, write_survey


def rows(table: Table, n: int) -> pa.Table:
    """Distinct values in every stored column but the computed pixel."""
    made: dict[str, pa.Array] = {}
    for column in arrow_schema(table):
        if column.name == "hpx10":
            continue
        values = [f"{column.name}-{i}" for i in range(n)] if pa.types.is_string(column.type) else range(n)
        made[column.name] = pa.array(values).cast(column.type)
    return pa.table(made)


def scores(n: int) -> pa.Table:
    table = rows(SCORES, n)
    labels = pa.array(["absorption", "emission", "double-peak", "absorption"][i % 4] for i in range(n))
    return table.set_column(table.schema.get_field_index("label"), "label", labels)


def test_candidates_are_the_rows_that_are_not_absorption(tmp_path: Path) -> None:
    path = tmp_path / "release.duckdb"
    build_release(path, spectra=rows(SPECTRA, 8), scores=scores(8), rejects=rows(REJECTS, 2))
    with duckdb.connect(str(path), read_only=True) as database:
        counts = {
            table.name: database.sql(f"SELECT count(*) FROM {table.qualified_name}").fetchall()[0][0]
            for table in PUBLISHED
        }
        labels = database.sql("SELECT DISTINCT label FROM emline.candidates ORDER BY 1").fetchall()
    assert counts == {
        "candidates": 4, "scores": 8, "rejects": 2, "objects": 8, "epochs": 8, "known": 0, "changes": 0,
        "labels": 0, "coverage": 8,
    }  # fmt: skip
    assert labels == [("double-peak",), ("emission",)]


def test_the_file_is_sorted_by_healpix_pixel(tmp_path: Path) -> None:
    path = tmp_path / "release.duckdb"
    build_release(path, spectra=rows(SPECTRA, 80))
    with duckdb.connect(str(path), read_only=True) as database:
        pixels = [row[0] for row in database.sql("SELECT hpx10 FROM internal.spectra").fetchall()]
    assert pixels == sorted(pixels)
    assert len(set(pixels)) == 80


def test_healpix_of_an_unknown_position_is_null() -> None:
    pixels = healpix(np.array([0.0, np.nan, 10.0]), np.array([0.0, 1.0, np.nan]))
    assert pixels.to_pylist()[1:] == [None, None]
    # order 10 NESTED pixel that holds (0, 0): base cell 4, its southernmost... centre cell
    assert pixels[0].as_py() // 4**10 == 4


def test_a_failed_build_leaves_the_old_release(tmp_path: Path) -> None:
    path = tmp_path / "release.duckdb"
    build_release(path, spectra=rows(SPECTRA, 3))
    before = path.read_bytes()
    twice = pa.concat_tables([rows(SPECTRA, 2), rows(SPECTRA, 1)])
    with pytest.raises(UserError, match="occurs twice"):
        build_release(path, spectra=twice)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["release.duckdb"]


@pytest.mark.parametrize("table", [SPECTRA, SCORES], ids=lambda table: table.name)
def test_a_row_is_found_by_its_identifier_through_an_index(tmp_path: Path, table: Table) -> None:
    path = tmp_path / "release.duckdb"
    build_release(path, spectra=rows(SPECTRA, 80), scores=scores(80))
    with duckdb.connect(str(path), read_only=True) as database:
        query = f"FROM {table.qualified_name} WHERE obs_publisher_did = 'obs_publisher_did-43'"
        plan = "".join(text for _, text in database.sql(f"EXPLAIN ANALYZE {query}").fetchall())
        found = database.sql(f"SELECT obsid {query}").fetchall()
    assert "Index Scan" in plan
    assert found == [(43,)]


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"emline\.scores lack the columns label, p_absorption"):
        build_release(
            tmp_path / "release.duckdb",
            spectra=rows(SPECTRA, 2),
            scores=rows(SCORES, 2).drop_columns(["label", "p_absorption"]),
        )


@pytest.mark.parametrize("table", PUBLISHED, ids=lambda table: table.name)
def test_every_column_is_described(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    for column in table.columns:
        assert column.description
        assert column.ucd, f"{column.name} has no UCD"
        assert (column.arraysize == "*") == (column.datatype in ("char", "unicodeChar"))


def test_candidates_hold_what_users_ask_for() -> None:
    wanted = "candidate_id obs_publisher_did obsid designation ra dec hpx10 label score snr_r epoch_mjd flags"
    for name in wanted.split():
        assert CANDIDATES[name].name == name
    assert CANDIDATES["ra"].unit == "deg"


PROVENANCE = Provenance(authority="example.org", run_id="run-1", model_version="model-7")


def test_every_score_is_published_with_who_it_is(survey: Path, tmp_path: Path) -> None:
    release = tmp_path / "release.duckdb"
    counts = release_survey(release, survey, provenance=PROVENANCE, metadata={"created": "today"})
    assert counts == ReleaseCounts(scores=60, candidates=40, rejects=2)
    rows = {row["obs_publisher_did"]: row for row in read_release(release, SCORES).to_pylist()}
    row = rows["ivo://example.org/~?lamost-lrs/spec-0007"]
    given = score(7)
    assert row["candidate_id"] == candidate_ids([row["obs_publisher_did"]])[0]
    assert row["known_as"] is None
    assert (row["run_id"], row["model_version"]) == ("run-1", "model-7")
    taken = set(given) & set(row) - {"label"}
    assert {"ra", "dec", "obsid", "designation", "snr_r", "score", "flags", "p_emission"} <= taken
    assert {name: row[name] for name in taken} == {name: given[name] for name in taken}
    spectrum = {row["obs_publisher_did"]: row for row in read_release(release, SPECTRA).to_pylist()}[
        "ivo://example.org/~?lamost-lrs/spec-0007"
    ]
    assert spectrum["path"] == given["source"]
    assert spectrum["wave_min"] == pytest.approx(3700e-10)
    assert spectrum["collection"] == "LAMOST LRS"
    assert spectrum["target_name"] == given["designation"]
    rejects = read_release(release, PUBLISHED[2]).to_pylist()
    assert sorted(row["source"] for row in rejects) == ["bad-0.fits", "bad-1.fits"]
    with duckdb.connect(str(release), read_only=True) as database:
        facts = dict(database.sql("FROM internal.metadata").fetchall())
    said = {"run_id": "run-1", "model_version": "model-7", "created": "today", "authority": "example.org"}
    assert facts.items() >= said.items()
    assert facts.keys() == said.keys() | {"published", "software", "surveys"}


def test_tables_have_the_described_columns_and_lie_in_order_of_place(survey: Path, tmp_path: Path) -> None:
    release = tmp_path / "release.duckdb"
    release_survey(release, survey, provenance=PROVENANCE)
    for table in (*PUBLISHED, SPECTRA):
        rows = read_release(release, table)
        assert rows.schema == arrow_schema(table)
        if "hpx10" in rows.column_names:
            places = list(zip(rows["hpx10"].to_pylist(), rows["dec"].to_pylist(), strict=True))
            assert places == sorted(places)
    labels = set(read_release(release, PUBLISHED[0])["label"].to_pylist())
    assert labels == set(LABELS[1:])


def test_the_same_survey_gives_the_same_rows_in_the_same_order(survey: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        release_survey(tmp_path / f"{name}.duckdb", survey, provenance=PROVENANCE, limits=Limits(threads=2))
    for table in (*PUBLISHED, SPECTRA):
        first, second = (read_release(tmp_path / f"{name}.duckdb", table) for name in ("a", "b"))
        assert first.equals(second)


def test_files_of_one_name_are_told_apart_as_the_index_does(tmp_path: Path) -> None:
    from vo_emline.candidates import index_table

    rows = [score(1, source="/a/s.fits"), score(2, source="/b/s.fits"), score(3, publisher_did="ivo://o/x")]
    survey = write_survey(tmp_path / "survey", rows)
    release_survey(tmp_path / "r.duckdb", survey, provenance=PROVENANCE)
    found = read_release(tmp_path / "r.duckdb", SPECTRA)["obs_publisher_did"].to_pylist()
    described = pq.read_table(survey / "scores-000000.parquet")
    assert sorted(found) == sorted(
        index_table(described, authority="example.org")["obs_publisher_did"].to_pylist()
    )
    assert "ivo://o/x" in found
    assert sum(did.startswith("ivo://example.org/~?lamost-lrs/s.") for did in found) == 2


def test_relative_paths_start_where_the_survey_was_classified(tmp_path: Path) -> None:
    survey = write_survey(tmp_path / "survey", [score(1, source="a/s.fits"), score(2, source="/b/s.fits")])
    release_survey(tmp_path / "r.duckdb", survey, provenance=PROVENANCE, folder=tmp_path)
    paths = read_release(tmp_path / "r.duckdb", SPECTRA)["path"].to_pylist()
    assert sorted(paths) == sorted([f"{tmp_path.resolve()}/a/s.fits", "/b/s.fits"])


def test_catalogues_are_asked_about_candidates_only(survey: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def known(rows: pa.Table) -> Answers:
        asked.extend(rows["label"].to_pylist())
        said = pa.array([f"known {name}" for name in rows["designation"].to_pylist()], pa.string())
        return Answers(said=said, matches=MATCH_SCHEMA.empty_table())

    release_survey(tmp_path / "r.duckdb", survey, provenance=PROVENANCE, name_known=known)
    assert len(asked) == 40
    assert set(asked) == set(LABELS[1:])
    for row in read_release(tmp_path / "r.duckdb", SCORES).to_pylist():
        expected = None if row["label"] == LABELS[0] else f"known {row['designation']}"
        assert row["known_as"] == expected


def test_a_spectrum_without_a_position_is_published_last(tmp_path: Path) -> None:
    rows = [score(1, ra=None, dec=None), score(2), score(4)]
    release_survey(tmp_path / "r.duckdb", write_survey(tmp_path / "survey", rows), provenance=PROVENANCE)
    assert read_release(tmp_path / "r.duckdb", SCORES)["hpx10"].to_pylist()[-1] is None


def test_rows_that_do_not_add_up_are_refused_and_the_old_release_stays(survey: Path, tmp_path: Path) -> None:
    release = tmp_path / "release.duckdb"
    release_survey(release, survey, provenance=PROVENANCE)
    before = release.read_bytes()
    (survey / "scores-000003.parquet").unlink()
    with pytest.raises(EmlineError, match=r"inputs 52, not 62; rows were lost or doubled"):
        release_survey(release, survey, provenance=PROVENANCE)
    shutil.copy(survey / "scores-000001.parquet", survey / "scores-000003.parquet")
    with pytest.raises(UserError, match=r"obs_publisher_did ivo://example.org/.* occurs twice"):
        release_survey(release, survey, provenance=PROVENANCE)
    assert release.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["release.duckdb", "survey"]


def test_a_wrong_class_count_is_refused(survey: Path, tmp_path: Path) -> None:
    summary = json.loads((survey / "summary.json").read_text())
    summary["classes"] |= {"absorption": 19, "emission": 21}
    (survey / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(EmlineError, match=r"classes .*'absorption': 20.* not .*'absorption': 19"):
        release_survey(tmp_path / "r.duckdb", survey, provenance=PROVENANCE)


def test_an_unfinished_survey_is_refused(survey: Path, tmp_path: Path) -> None:
    (survey / "summary.json").unlink()
    with pytest.raises(UserError, match="no finished survey"):
        release_survey(tmp_path / "r.duckdb", survey, provenance=PROVENANCE)


def test_scores_of_an_older_version_are_refused(survey: Path, tmp_path: Path) -> None:
    for path in survey.glob("scores-*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["resolving_power", "score"]), path)
    with pytest.raises(UserError, match="the scores lack resolving_power, score"):
        release_survey(tmp_path / "r.duckdb", survey, provenance=PROVENANCE)


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_full_disk_is_told_before_the_work(
    survey: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 50_000, 50_000))
    with pytest.raises(UserError, match=r"needs 0\.0 GB of disk and 0\.0 GB are free"):
        release_survey(tmp_path / "r.duckdb", survey, provenance=PROVENANCE)
    assert not list(tmp_path.glob("*.duckdb"))


def test_too_little_memory_is_told_and_the_old_release_stays(survey: Path, tmp_path: Path) -> None:
    release = tmp_path / "release.duckdb"
    release_survey(release, survey, provenance=PROVENANCE)
    before = release.read_bytes()
    with pytest.raises(UserError, match=r"could not be built, what was there stays: .*[Mm]emory"):
        release_survey(release, survey, provenance=PROVENANCE, limits=Limits(memory="1MB", threads=1))
    assert release.read_bytes() == before
    with pytest.raises(UserError, match="'lots' is no size of memory"):
        Limits(memory="lots")


def test_a_folder_named_with_the_signs_of_patterns_is_read(tmp_path: Path) -> None:
    odd = write_survey(tmp_path / "it's [a] *survey", [score(1), score(2)])
    counts = release_survey(odd / "release.duckdb", odd, provenance=PROVENANCE)
    assert counts.scores == 2


def test_what_a_kill_leaves_is_removed_by_the_next_call(survey: Path, tmp_path: Path) -> None:
    release = tmp_path / "release.duckdb"
    release_survey(release, survey, provenance=PROVENANCE)
    before = release.read_bytes()
    code = (
        "import sys, time; from pathlib import Path;"
        "from vo_emline.candidates.database import *\n"
        "with building(Path(sys.argv[1]), limits=Limits()) as database:\n"
        "    database.execute('CREATE TABLE half AS SELECT 1'); print('begun', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(release)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        os.kill(process.pid, signal.SIGKILL)
    assert release.read_bytes() == before
    assert (tmp_path / ".release.duckdb.building").is_dir()
    release_survey(release, survey, provenance=PROVENANCE)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["release.duckdb", "survey"]


def test_two_that_build_one_release_take_turns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "release.duckdb"
    ended: list[Any] = []

    def second() -> None:
        with building(path, limits=Limits()) as database:
            database.execute("CREATE TABLE second AS SELECT 1")
        ended.append(time.monotonic())

    thread = threading.Thread(target=second)
    with building(path, limits=Limits()) as database:
        thread.start()
        while not caplog.records:
            time.sleep(0.01)
        database.execute("CREATE TABLE first AS SELECT 1")
        assert not ended
    thread.join()
    assert "waiting" in caplog.text
    with duckdb.connect(str(path), read_only=True) as database:
        assert database.sql("SELECT table_name FROM duckdb_tables()").fetchall() == [("second",)]


def test_an_exposure_starts_before_its_middle(tmp_path: Path) -> None:
    kinds = {"middle": 56000.0 - 900 / 86400, "start": 56000.0, "day": 56000.0, "": 56000.0}
    rows = [
        score(number, epoch_mjd=56000.0, epoch_kind=kind, exposure_s=1800.0)
        for number, kind in enumerate(kinds)
    ]
    release = tmp_path / "r.duckdb"
    release_survey(release, write_survey(tmp_path / "survey", rows), provenance=PROVENANCE)
    started = dict(
        zip(
            *(read_release(release, SPECTRA)[name].to_pylist() for name in ("obsid", "start_mjd")),
            strict=True,
        )
    )
    assert [started[number] for number in range(4)] == pytest.approx(list(kinds.values()), abs=1e-9)
    said = {
        row["obsid"]: (row["epoch_mjd"], row["epoch_kind"])
        for row in read_release(release, SCORES).to_pylist()
    }
    assert said == {number: (56000.0, kind) for number, kind in enumerate(kinds)}
