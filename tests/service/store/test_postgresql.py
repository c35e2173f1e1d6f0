# ruff: noqa: E501 - one query a line
"""A service on PostgreSQL gives the answers that a service on the file gives, asked over real HTTP."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import psycopg
import pyarrow as pa
import pytest

from service.adql import POSTGRESQL_SETUP
from service.config import Settings
from service.deadline import Deadline
from service.errors import StoppedError
from service.store import ReleaseStore, open_store
from service.urls import Urls
from vo_emline.candidates.postgres import load_postgres
from vo_emline.errors import DataError, EmlineError, UserError

QUERIES = (
    "SELECT TOP 7 candidate_id, designation, score, ew, access_url FROM emline.candidates ORDER BY score DESC, candidate_id",
    "SELECT label, COUNT(*) AS n, AVG(score) AS s FROM emline.scores GROUP BY label ORDER BY label",
    "SELECT candidate_id, ra FROM emline.scores WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(150, 20, 60)) ORDER BY candidate_id",
    "SELECT c.candidate_id, o.s_ra, o.access_url, o.obs_id, o.em_min FROM emline.candidates AS c JOIN ivoa.obscore AS o ON c.obs_publisher_did = o.obs_publisher_did ORDER BY 1",
    "SELECT source, code, message FROM emline.rejects ORDER BY source",
    "SELECT * FROM emline.coverage ORDER BY survey, npix",
    "SELECT s.candidate_id, c.cell, c.n_spectra FROM emline.scores AS s JOIN emline.coverage AS c ON 1 = CONTAINS(POINT(s.ra, s.dec), c.cell) ORDER BY 1, 2",
    "SELECT table_name, column_name, datatype, arraysize, unit, ucd, indexed, \"size\" FROM tap_schema.columns ORDER BY table_name, column_index",
    "SELECT t.table_name, s.description FROM tap_schema.tables AS t JOIN tap_schema.schemas AS s ON t.schema_name = s.schema_name ORDER BY t.table_index",
    "SELECT key_id, from_table, target_table, utype FROM tap_schema.keys ORDER BY key_id",
    "SELECT candidate_id, POINT(ra, dec) AS p FROM emline.scores WHERE ra IS NOT NULL ORDER BY candidate_id",
    "SELECT MAX(ra) AS m FROM emline.scores WHERE ra < -1",
)  # fmt: skip
PAGES = (
    "tap/tables", "tap/capabilities", "tap/availability", "tap/examples", "", "ssa?REQUEST=queryData&POS=150,20&SIZE=90",
    "ssa?REQUEST=queryData&BAND=6.5e-7/6.6e-7",
)  # fmt: skip
MINE = "n,ra,dec\n1,10.5,20.25\n2,150,20\n3,,\n"


@pytest.fixture(scope="module")
def address(new_database: Callable[[str], str], release_file: Path) -> str:
    """Connection string of a role that may read, and make temporary tables, of a loaded database."""
    url = new_database("served")
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            connection.execute(POSTGRESQL_SETUP)
        except psycopg.errors.UndefinedFile:
            pytest.skip("needs the Debian package postgresql-15-q3c")
        connection.execute("CREATE ROLE reader LOGIN; CREATE ROLE tableless LOGIN")
        connection.execute("ALTER ROLE reader SET default_transaction_read_only = on")
        connection.execute(
            "REVOKE TEMPORARY ON DATABASE served FROM PUBLIC; GRANT TEMPORARY ON DATABASE served TO reader"
        )
    load_postgres(release_file, url)
    with psycopg.connect(url, autocommit=True) as connection:
        for schema in ("emline", "internal"):
            connection.execute(f"GRANT USAGE ON SCHEMA {schema} TO reader, tableless")
            connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader, tableless")
    return url.replace("owner@", "reader@")


@pytest.fixture(scope="module")
def both(served: Any, start_service: Callable[..., Any], address: str) -> tuple[Any, Any]:
    """A service on the file, and one on PostgreSQL."""
    return served, start_service(address)


@pytest.fixture(scope="module")
def store(address: str) -> Iterator[ReleaseStore]:
    made = open_store(address, settings=Settings(), urls=Urls("https://example.org"))
    yield made
    made.close()


def same(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return bool(one == other)


@pytest.mark.parametrize("query", QUERIES)
def test_queries(both: tuple[Any, Any], query: str) -> None:
    ours, theirs = (each.rows(query) for each in both)
    port = both[0].url, both[1].url
    text = [[value.replace(*port) if isinstance(value, str) else value for value in row] for row in ours]
    assert ours
    assert same(text, theirs)


@pytest.mark.parametrize("page", PAGES)
def test_documents(both: tuple[Any, Any], page: str) -> None:
    ours, theirs = (httpx.get(f"{each.url}/{page}", timeout=60) for each in both)
    assert ours.status_code == theirs.status_code == 200
    if page.startswith("ssa"):
        assert ours.text.count("<TR>") == theirs.text.count("<TR>")
    elif page == "tap/tables":
        assert ours.text == theirs.text


def test_pages_of_candidates_and_links(both: tuple[Any, Any]) -> None:
    ((identifier, did),) = both[1].rows(
        "SELECT TOP 1 candidate_id, obs_publisher_did FROM emline.candidates ORDER BY 1"
    )
    for path, parameters in ((f"candidate/{identifier}.html", {}), ("datalink/links", {"ID": did})):
        ours, theirs = (httpx.get(f"{each.url}/{path}", params=parameters, timeout=60) for each in both)
        assert ours.status_code == theirs.status_code == 200
        assert ours.text.replace(both[0].url, "") == theirs.text.replace(both[1].url, "")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT n, ra, dec FROM TAP_UPLOAD.mine ORDER BY n",
        "SELECT t.n, s.candidate_id FROM TAP_UPLOAD.mine AS t JOIN emline.scores AS s ON DISTANCE(t.ra, t.dec, s.ra, s.dec) < 60 ORDER BY 1, 2",
    ],
)  # fmt: skip
def test_uploads_are_temporary_tables(both: tuple[Any, Any], query: str) -> None:
    data = {"LANG": "ADQL", "QUERY": query, "UPLOAD": "mine,param:f", "RESPONSEFORMAT": "json"}
    ours, theirs = (
        httpx.post(f"{each.tap}/sync", data=data, files={"f": ("f.csv", MINE)}, timeout=60) for each in both
    )
    assert ours.json()["data"]
    assert same(ours.json()["data"], theirs.json()["data"])


def run(
    store: ReleaseStore, sql: str, seconds: float = 60, uploads: Mapping[str, pa.Table] | None = None
) -> list[dict[str, Any]]:
    with store.lease() as release, closing(release.run(deadline=Deadline.after(seconds))) as running:
        return [row for batch in running.start(sql, uploads=uploads or {}) for row in batch.to_pylist()]


def test_a_query_ends_at_its_deadline_and_the_next_one_runs(store: ReleaseStore) -> None:
    with pytest.raises(UserError, match=r"time limit of 0\.5 s"):
        run(store, "SELECT pg_sleep(30)", seconds=0.5)
    assert run(store, "SELECT 1 AS one") == [{"one": 1}]


def test_a_query_can_be_stopped(store: ReleaseStore) -> None:
    with store.lease() as release, closing(release.run(deadline=Deadline.after(60))) as running:
        Timer(0.3, running.stop).start()
        with pytest.raises(StoppedError):
            next(running.start("SELECT pg_sleep(30)", uploads={}))


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE emline.x (a int)",
        "DELETE FROM emline.scores",
        "SELECT set_config('transaction_read_only', 'off', true)",
    ],
)
def test_nothing_can_be_written(store: ReleaseStore, sql: str) -> None:
    with pytest.raises(EmlineError):
        run(store, sql)


def test_a_role_without_temporary_tables_takes_no_uploads(address: str) -> None:
    url = address.replace("reader@", "tableless@")
    made = open_store(url, settings=Settings(), urls=Urls("https://example.org"))
    with closing(made), pytest.raises(UserError, match="takes no uploads"):
        run(made, "SELECT 1", uploads={"TAP_UPLOAD.t": pa.table({"a": [1]})})


def test_what_holds_no_release_is_refused(new_database: Callable[[str], str]) -> None:
    for url, said in (
        (new_database("empty"), r"has no table internal\.spectra"),
        ("postgresql://nobody@/x?host=/nowhere", r"nowhere|No such file"),
    ):
        with pytest.raises(DataError, match=said):
            open_store(url, settings=Settings(), urls=Urls("https://example.org"))


def test_a_release_that_is_loaded_again_is_served(
    store: ReleaseStore, address: str, release_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.store.postgresql.LOOK_S", 0)
    with store.lease() as before:
        old = before
    load_postgres(release_file, address.replace("reader@", "owner@"))
    with store.lease() as after:
        assert after is not old
        assert after.metadata["loaded"] > old.metadata["loaded"]
    assert run(store, "SELECT count(*) AS n FROM emline.scores") == [{"n": 200}]
