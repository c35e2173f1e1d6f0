"""The release behind views, what cannot be reached from it, and its exchange under load."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from service.config import Settings
from service.deadline import Deadline
from service.errors import FaultError
from service.products.entries import find_entries
from service.store import FileStore, Release
from service.urls import Urls
from vo_emline.candidates import build_release
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.errors import DataError, UserError

URLS = Urls("https://example.org/o'brien")


@pytest.fixture(scope="module")
def store(release_file: Path) -> Iterator[FileStore]:
    made = FileStore(release_file, settings=Settings(threads=2), urls=URLS)
    yield made
    made.close()


@pytest.fixture
def release(store: FileStore) -> Iterator[Release]:
    with store.lease() as lent:
        yield lent


def test_the_published_tables_are_those_of_the_release_and_the_standards(release: Release) -> None:
    names = [table.qualified_name for table in release.tables]
    ours = ["candidates", "scores", "rejects", "objects", "epochs", "known", "changes", "labels", "coverage"]
    assert names[:10] == [*(f"emline.{name}" for name in ours), "ivoa.obscore"]
    assert release.counts["emline.epochs"] == 200
    assert release.counts["emline.labels"] == 20
    assert release.counts["ivoa.obscore"] == 200
    assert release.counts["emline.scores"] == 200
    assert 0 < release.counts["emline.candidates"] < 200
    assert release.metadata["run_id"] == "run-1"


def test_views_have_the_described_columns_and_types_in_order(release: Release) -> None:
    for table in release.tables:
        found = release.rows(f"DESCRIBE {table.qualified_name}")
        types = {"REAL": "FLOAT"}
        assert [(row["column_name"], row["column_type"]) for row in found] == [
            (column.name, types.get(column.sql_type, column.sql_type)) for column in table.columns
        ]


def test_computed_columns_hold_addresses_of_this_service(release: Release) -> None:
    row = release.rows("SELECT access_url, datalink_url, obs_publisher_did FROM emline.scores LIMIT 1")[0]
    assert row["access_url"] == URLS.spectrum(row["obs_publisher_did"]).replace("+", "%20")
    assert row["datalink_url"].startswith("https://example.org/o'brien/datalink/links?ID=ivo%3A%2F%2F")


def test_obscore_keeps_its_promises(release: Release) -> None:
    assert sum(column.std for column in OBSCORE.columns) == 30
    nulls = release.rows(
        "SELECT count(*) AS n FROM ivoa.obscore WHERE calib_level IS NULL OR obs_collection IS NULL "
        "OR obs_id IS NULL OR obs_publisher_did IS NULL"
    )
    assert nulls == [{"n": 0}]
    wrong = release.rows(
        "SELECT count(*) AS n FROM ivoa.obscore WHERE em_min >= em_max OR em_max > 1e-5 OR t_max < t_min "
        "OR dataproduct_type <> 'spectrum' OR s_dec NOT BETWEEN -90 AND 90"
    )
    assert wrong == [{"n": 0}]
    telescopes = release.rows("SELECT DISTINCT facility_name AS name FROM ivoa.obscore ORDER BY 1")
    assert [row["name"] for row in telescopes] == ["LAMOST", "Perek 2-m telescope, Ondrejov"]


def test_obscore_gives_the_fibre_as_region_and_the_pixel_of_the_index(release: Release) -> None:
    rows = release.rows("SELECT s_region, s_ra, s_dec, hpx10, obs_publisher_did FROM ivoa.obscore")
    pixels = release.rows(f"SELECT obs_publisher_did, hpx10 FROM {release.index}")
    index = {row["obs_publisher_did"]: row["hpx10"] for row in pixels}
    assert {row["obs_publisher_did"]: row["hpx10"] for row in rows} == index
    regions = [row for row in rows if row["s_region"]]
    assert regions
    assert len(regions) < len(rows)
    for row in regions:
        words = row["s_region"].split()
        assert words[:2] == ["CIRCLE", "ICRS"]
        assert [float(word) for word in words[2:4]] == [row["s_ra"], row["s_dec"]]
        assert float(words[4]) * 3600 == pytest.approx(3.3 / 2, abs=1e-3)


def test_a_table_is_found_in_any_case(release: Release) -> None:
    assert release.table("Emline.CANDIDATES") is release.tables[0]
    assert release.table("emline.nothing") is None


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/vo-emline-written.csv'",
        "ATTACH '/tmp/vo-emline-other.duckdb'",
        "INSTALL httpfs",
        "SET memory_limit = '99GB'",
        "SET enable_external_access = true",
        "CREATE TABLE release.emline.more AS SELECT 1",
        "DELETE FROM release.emline.scores",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM release_file",  # a Python variable of this name is in reach
    ],
)
def test_even_sql_that_slips_through_reaches_nothing(release: Release, release_file: Path, sql: str) -> None:
    with pytest.raises(duckdb.Error):
        release.rows(sql)
    running = release.run(deadline=Deadline.after(60))
    with closing(running), pytest.raises((UserError, FaultError)):
        list(running.start(sql, uploads={}))


def test_hundreds_of_identifiers_are_looked_up_in_the_index(tmp_path: Path, spectra_table: pa.Table) -> None:
    many = pa.concat_tables([spectra_table] * 200)
    dids = [f"ivo://x-vo-emline.local/~?many/{number}" for number in range(len(many))]
    place = many.schema.get_field_index("obs_publisher_did")
    build_release(tmp_path / "r.duckdb", spectra=many.set_column(place, "obs_publisher_did", pa.array(dids)))
    store = FileStore(tmp_path / "r.duckdb", settings=Settings(threads=1), urls=URLS)
    with store.lease() as release:
        found = find_entries(release, dids[::100])
        sql = f"SELECT path FROM {release.index} WHERE obs_publisher_did IN (SELECT unnest(?::VARCHAR[]))"
        plan = str(release.rows(f"EXPLAIN ANALYZE {sql}", [dids[::100]]))
    store.close()
    assert set(found) == set(dids[::100])
    assert len(found) == 400
    assert "Index Scan" in plan


def test_a_file_that_is_no_release_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.duckdb"
    text.write_text("no database")
    other = tmp_path / "other.duckdb"
    duckdb.connect(str(other)).close()
    for path in (text, other, tmp_path / "missing.duckdb"):
        with pytest.raises(DataError, match=path.name):
            FileStore(path, settings=Settings(), urls=URLS)


def test_a_release_of_an_older_version_is_refused_with_what_to_do(release_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    shutil.copy(release_file, path)
    with duckdb.connect(str(path)) as database:
        database.execute("DROP INDEX emline.objects_object_id")
        database.execute("ALTER TABLE emline.objects DROP COLUMN surveys")
    with pytest.raises(DataError, match=r"it lacks emline\.objects\.surveys; classify .* publish it again"):
        FileStore(path, settings=Settings(), urls=URLS)


def test_a_release_of_spectra_alone_is_served_without_scores(tmp_path: Path, spectra_table: pa.Table) -> None:
    path = tmp_path / "release.duckdb"
    build_release(path, spectra=spectra_table)
    store = FileStore(path, settings=Settings(threads=1), urls=URLS)
    with store.lease() as release:
        assert [table.schema for table in release.tables] == ["ivoa"] + ["tap_schema"] * 5
        keys = release.rows("SELECT from_table FROM tap_schema.keys")
        assert {row["from_table"].partition(".")[0] for row in keys} == {"tap_schema"}
    store.close()


def test_a_new_release_is_served_and_the_old_one_kept_while_it_is_read(
    tmp_path: Path, release_file: Path, spectra_table: pa.Table
) -> None:
    path = tmp_path / "release.duckdb"
    shutil.copy(release_file, path)
    store = FileStore(path, settings=Settings(threads=1), urls=URLS)
    with store.lease() as old:
        build_release(path, spectra=spectra_table.slice(0, 10))
        with store.lease() as new:
            assert new.counts["ivoa.obscore"] == 10
        assert old.rows("SELECT count(*) AS n FROM ivoa.obscore") == [{"n": 200}]
    with pytest.raises(duckdb.Error):
        old.rows("SELECT 1 AS one")
    store.close()


def test_a_broken_new_release_is_not_served(
    tmp_path: Path, release_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "release.duckdb"
    shutil.copy(release_file, path)
    store = FileStore(path, settings=Settings(threads=1), urls=URLS)
    broken = tmp_path / "broken"
    broken.write_bytes(b"half a file")
    broken.replace(path)
    for _ in range(3):
        with store.lease() as release:
            assert release.counts["ivoa.obscore"] == 200
    assert len([record for record in caplog.records if "not served" in record.message]) == 1
    store.close()


def test_no_query_fails_while_releases_are_exchanged(
    tmp_path: Path, release_file: Path, spectra_table: pa.Table
) -> None:
    path = tmp_path / "release.duckdb"
    shutil.copy(release_file, path)
    store = FileStore(path, settings=Settings(threads=1), urls=URLS)
    stop, counts = threading.Event(), set()

    def ask() -> None:
        while not stop.is_set():
            with store.lease() as release:
                counts.add(release.rows("SELECT count(*) AS n FROM ivoa.obscore")[0]["n"])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for rows in (10, 20, 30):
        build_release(path, spectra=spectra_table.slice(0, rows))
        while rows not in counts:
            assert all(thread.is_alive() for thread in threads)
    stop.set()
    for thread in threads:
        thread.join()
    assert counts == {200, 10, 20, 30}
    store.close()


def test_a_release_that_becomes_a_pipe_holds_up_nobody(tmp_path: Path, release_file: Path) -> None:
    path = tmp_path / "release.duckdb"
    shutil.copy(release_file, path)
    store = FileStore(path, settings=Settings(threads=1), urls=URLS)
    try:
        path.unlink()
        os.mkfifo(path)
        with store.lease() as lent:
            assert lent.rows("SELECT count(*) AS n FROM release.emline.scores") == [{"n": 200}]
    finally:
        store.close()
    with pytest.raises(DataError, match="no file"):
        FileStore(path, settings=Settings(threads=1), urls=URLS)
