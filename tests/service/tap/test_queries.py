"""Whose fault a failing query is: the answer is 400 for the user's, 500 and an error in the log for ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from service.errors import INTERNAL
from service.store import release
from service.store.workers import explained
from vo_emline.errors import UserError


def failure(sql: str) -> Exception:
    """What a query raises, streamed as the service streams it."""
    with duckdb.connect() as database:
        database.execute("CREATE TABLE numbers AS SELECT range AS n, '' AS text FROM range(9000)")
        try:
            database.sql(sql).to_arrow_reader(1000).read_all()
        except (duckdb.Error, pa.ArrowException, OSError, RuntimeError) as error:
            return error
    pytest.fail(f"{sql} succeeds")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CAST(text AS INTEGER) AS n FROM numbers",
        "SELECT CAST(n * 1000 AS SMALLINT) AS x FROM numbers",
        "SELECT n * 9223372036854775807 AS x FROM numbers WHERE n > 5",
    ],
)
def test_values_of_a_query_are_its_user_s(sql: str) -> None:
    assert isinstance(explained(failure(sql)), UserError)


@pytest.mark.parametrize("sql", ["SELECT n FROM missing", "SELECT nothing(n) FROM numbers", "SELECT"])
def test_what_the_compiler_should_not_write_is_ours(sql: str) -> None:
    error = failure(sql)
    assert explained(error) is error


@pytest.mark.parametrize("error", [OSError("disk"), RuntimeError("bug"), duckdb.IOException("IO Error: x")])
def test_other_faults_are_ours(error: Exception) -> None:
    assert explained(error) is error


def test_memory_is_told_apart() -> None:
    assert isinstance(explained(duckdb.OutOfMemoryException("Out of Memory Error: x")), MemoryError)


def test_the_answer_to_a_fault_of_ours_is_500_and_says_no_more(
    served: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    compile_query = release.compile_query

    def broken(*args: Any, **more: Any) -> Any:
        return replace(compile_query(*args, **more), sql="SELECT * FROM nowhere.secret")

    monkeypatch.setattr(release, "compile_query", broken)
    answer = served.sync("SELECT TOP 1 obsid AS asked_only_here FROM emline.scores")  # what was asked is kept
    assert answer.status_code == 500
    assert INTERNAL in answer.text
    assert "secret" not in answer.text
    logged = capfd.readouterr().err
    assert "level=error" in logged
    assert "secret" in logged
