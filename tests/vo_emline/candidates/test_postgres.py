"""Loading a real PostgreSQL server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest

from vo_emline.candidates import (
    PUBLISHED,
    REJECTS,
    SCORES,
    SPECTRA,
    Provenance,
    read_release,
    release_survey,
)
from vo_emline.candidates import postgres as module
from vo_emline.candidates.postgres import load_postgres
from vo_emline.errors import ArchiveError, UserError
from vo_emline.tables import Table

from .conftest import score, write_survey


def make_release(folder: Path, n: int, **facts: object) -> Path:
    survey = write_survey(folder / f"survey-{n}", [score(number, **facts) for number in range(n)])
    path = folder / f"release-{n}.duckdb"
    release_survey(path, survey, provenance=Provenance(run_id=f"run-{n}", model_version="m"))
    return path


@pytest.fixture
def url(new_database: Callable[[str], str]) -> str:
    """A database of its own for each test."""
    return new_database(f"emline-{uuid4().hex[:8]}")


def values(url: str, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(sql).fetchall()


def indexes_of_scores(url: str) -> list[str]:
    rows = values(url, "SELECT replace(indexdef, '\"', '') FROM pg_indexes WHERE tablename = 'scores'")
    return [str(row[0]) for row in rows]


def test_both_databases_hold_the_same_rows(url: str, tmp_path: Path) -> None:
    odd = "č \"x\", 'y'\n\\N \\. \0 end"
    release = make_release(tmp_path, 30, object_name=odd, designation="", snr_r=None, spectral_class="")
    assert load_postgres(release, url) == {
        "emline.candidates": 20, "emline.scores": 30, "emline.rejects": 2, "emline.objects": 30,
        "emline.epochs": 30, "emline.known": 0, "emline.labels": 0, "emline.changes": 0,
        "emline.coverage": 30,
        "internal.spectra": 30, "internal.cutouts": 30,
    }  # fmt: skip
    for table in (*PUBLISHED, SPECTRA):
        names = ", ".join(f'"{column.name}"' for column in table.stored)
        found = sorted(
            _written(row, table) for row in values(url, f"SELECT {names} FROM {table.qualified_name}")
        )
        rows = [tuple(row.values()) for row in read_release(release, table).to_pylist()]
        assert found == sorted(_written(row, table).replace("\\x00", "") for row in rows)
    assert values(url, "SELECT DISTINCT designation, snr_r, spectral_class FROM emline.scores") == [
        (odd.replace("\0", ""), None, "")
    ]
    assert ("run_id", "run-30") in values(url, "SELECT key, value FROM internal.metadata")


def _written(row: tuple[Any, ...], table: Table) -> str:
    """Write a row as it was stored: PostgreSQL gives just the digits that single precision needs."""
    kinds = [column.datatype for column in table.stored]
    return repr(
        tuple(
            float(np.float32(value)) if kind == "float" and value is not None else value
            for value, kind in zip(row, kinds, strict=True)
        )
    )


def test_tables_are_described_indexed_and_counted(url: str, tmp_path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            connection.execute("CREATE EXTENSION q3c")
        except psycopg.errors.UndefinedFile:
            pytest.skip("needs the Debian package postgresql-15-q3c")
    load_postgres(make_release(tmp_path, 30), url)
    texts = values(
        url,
        "SELECT attname, col_description(attrelid, attnum) FROM pg_attribute "
        "WHERE attrelid = 'emline.scores'::regclass AND attnum > 0",
    )
    assert [name for name, _ in texts] == [column.name for column in SCORES.stored]
    assert dict(texts)["ra"] == f"{SCORES['ra'].description} [unit: deg; UCD: pos.eq.ra;meta.main]"
    assert values(url, "SELECT obj_description('emline.rejects'::regclass)") == [(REJECTS.description,)]
    indexes = indexes_of_scores(url)
    assert any("q3c_ang2ipix(ra, dec)" in text for text in indexes)
    for name in ("candidate_id", "obs_publisher_did"):
        assert any("UNIQUE" in text and f"({name})" in text for text in indexes)
    assert values(url, "SELECT reltuples FROM pg_class WHERE oid = 'emline.scores'::regclass") == [(30.0,)]


def test_without_q3c_positions_have_plain_indexes(url: str, tmp_path: Path) -> None:
    load_postgres(make_release(tmp_path, 9), url)
    indexes = indexes_of_scores(url)
    assert any(text.endswith("(dec)") for text in indexes)


def test_readers_see_the_old_rows_until_they_see_the_new(url: str, tmp_path: Path) -> None:
    load_postgres(make_release(tmp_path, 30), url)
    newer = make_release(tmp_path, 60)
    stop, seen = threading.Event(), set()

    def ask() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                row = connection.execute(
                    "SELECT (SELECT count(*) FROM emline.scores), (SELECT count(*) FROM internal.spectra)"
                ).fetchone()
                seen.add(row)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    load_postgres(newer, url)
    while not seen & {(60, 60)}:
        assert all(thread.is_alive() for thread in threads)
    stop.set()
    for thread in threads:
        thread.join()
    assert seen <= {(30, 30), (60, 60)}
    assert values(url, "SELECT nspname FROM pg_namespace WHERE nspname ~ '_(old|new)$'") == []


def test_who_could_read_the_old_tables_reads_the_new(url: str, tmp_path: Path) -> None:
    load_postgres(make_release(tmp_path, 9), url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute('DROP ROLE IF EXISTS "tap Reader"; CREATE ROLE "tap Reader" LOGIN')
        connection.execute('GRANT USAGE ON SCHEMA emline TO "tap Reader"')
        connection.execute('GRANT SELECT ON emline.candidates TO "tap Reader"')
    load_postgres(make_release(tmp_path, 12), url)
    with psycopg.connect(url) as connection:
        connection.execute('SET ROLE "tap Reader"')
        assert connection.execute("SELECT count(*) FROM emline.candidates").fetchone() == (8,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT count(*) FROM emline.scores")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute('DROP OWNED BY "tap Reader"; DROP ROLE "tap Reader"')


def test_old_tables_that_are_still_read_are_left_to_the_next_load(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", 1)
    load_postgres(make_release(tmp_path, 9), url)
    with psycopg.connect(url) as reader:
        reader.execute("SELECT * FROM emline.scores")  # its transaction goes on
        load_postgres(make_release(tmp_path, 12), url)
        assert "still being read" in caplog.text
        assert values(url, "SELECT count(*) FROM emline.scores") == [(12,)]
    load_postgres(make_release(tmp_path, 15), url)
    assert values(url, "SELECT count(*) FROM emline.scores") == [(15,)]
    assert values(url, "SELECT nspname FROM pg_namespace WHERE nspname ~ '_old$'") == []


def test_a_load_that_is_killed_leaves_the_old_tables(url: str, tmp_path: Path) -> None:
    load_postgres(make_release(tmp_path, 9), url)
    newer = make_release(tmp_path, 12)
    code = (
        "import sys, time; from pathlib import Path; from vo_emline.candidates import postgres\n"
        "def wait(*_): print('half', flush=True); time.sleep(60)\n"
        "postgres._exchange = wait; postgres.load_postgres(Path(sys.argv[1]), sys.argv[2])"
    )
    command = [sys.executable, "-c", code, str(newer), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half\n"
        os.kill(process.pid, signal.SIGKILL)
    while values(url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") != [(1,)]:
        time.sleep(0.02)
    assert values(url, "SELECT count(*) FROM emline.scores") == [(9,)]
    load_postgres(newer, url)
    assert values(url, "SELECT count(*) FROM emline.scores") == [(12,)]


def test_what_is_wrong_is_said(url: str, tmp_path: Path) -> None:
    (tmp_path / "text.duckdb").write_text("no database")
    with pytest.raises(UserError, match=r"text\.duckdb is no release"):
        load_postgres(tmp_path / "text.duckdb", url)
    release = make_release(tmp_path, 3)
    with pytest.raises(UserError, match="PostgreSQL refuses"):
        load_postgres(release, "nonsense")
    with pytest.raises(ArchiveError, match="the old tables stay"):
        load_postgres(release, "postgresql://nobody@127.0.0.1:1/none")
