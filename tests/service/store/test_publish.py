# ruff: noqa: E501 - one query a line
"""Publishing while the service runs, and into both databases, asked over real HTTP."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service.adql import POSTGRESQL_SETUP, compile_query
from vo_emline.candidates import PUBLISHED
from vo_emline.labels import LABELS, PROBABILITY_COLUMNS
from vo_emline.survey import REJECTS_SCHEMA, SCORES_SCHEMA

COUNT = "SELECT COUNT(*) AS n FROM emline.scores"
QUERIES = (
    "SELECT label, COUNT(*) AS n, AVG(score) AS s, MAX(snr_r) AS m FROM emline.scores GROUP BY label ORDER BY label",
    "SELECT TOP 7 candidate_id, designation, score, ew FROM emline.candidates ORDER BY score DESC, candidate_id",
    "SELECT candidate_id, ra, dec, hpx10 FROM emline.scores WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(150, 20, 15)) ORDER BY candidate_id",
    "SELECT COUNT(*) AS n FROM emline.candidates WHERE DISTANCE(ra, dec, 10, 5) < 20 AND flags = ''",
    "SELECT obsid, designation, known_as FROM emline.scores WHERE obs_publisher_did = 'ivo://x-vo-emline.local/~?lamost-lrs/s-17'",
    "SELECT s.candidate_id FROM emline.scores AS s JOIN emline.candidates AS c ON s.candidate_id = c.candidate_id WHERE c.label = 'emission' AND s.ra < 40 ORDER BY 1",
    "SELECT source, code, message FROM emline.rejects ORDER BY source",
    "SELECT COUNT(*) AS n, COUNT(snr_r) AS k FROM emline.scores WHERE snr_r IS NULL OR designation LIKE 'J%''s %'",
)  # fmt: skip
"""One query a line."""


def write_survey(folder: Path, n: int, *, seed: int = 5) -> Path:
    """Write a finished survey of `n` scores and one reject; what matters here is given, the rest NULL."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([3, 1, 1], n).astype(np.float32)
    labels = [LABELS[place] for place in probabilities.argmax(axis=1)]
    snr = rng.uniform(2, 90, n)
    columns: dict[str, Any] = {
        "source": [f"/mirror/s-{number}.fits" for number in range(n)],
        "survey": ["LAMOST LRS"] * n,
        "designation": [f'J{number}\'s "č"' for number in range(n)],
        "obsid": range(n),
        "ra": rng.uniform(0, 360, n),
        "dec": rng.uniform(-10, 60, n),
        "snr_r": pa.array(snr, mask=snr < 5),
        "label": labels,
        "score": probabilities[:, 1:].sum(axis=1),
        "flags": ["uncertain" if value < 10 else "" for value in snr],
    } | dict(zip(PROBABILITY_COLUMNS, probabilities.T, strict=True))
    arrays = [
        pa.array(columns[item.name]).cast(item.type) if item.name in columns else pa.nulls(n, item.type)
        for item in SCORES_SCHEMA
    ]
    folder.mkdir()
    pq.write_table(pa.table(arrays, schema=SCORES_SCHEMA), folder / "scores-000000.parquet")
    missed = [{"source": "/mirror/bad.fits", "code": "truncated", "message": "ends early: 2 < 3, „so“"}]
    pq.write_table(pa.Table.from_pylist(missed, REJECTS_SCHEMA), folder / "rejects-000000.parquet")
    facts = {"inputs": n + 1, "classes": {label: labels.count(label) for label in LABELS}}
    summary = facts | {"rejects": {"truncated": 1}, "model_version": "m"}
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "manifest.json").write_text(json.dumps({"inputs": n + 1}))
    return folder


def publish(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "vo_emline", "publish", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_running_service_changes_over_and_no_request_fails(
    tmp_path: Path, start_service: Callable[..., Any]
) -> None:
    release = tmp_path / "release.duckdb"
    publish(write_survey(tmp_path / "first", 300), "--output", release)
    served = start_service(release, state_directory=tmp_path / "state")
    assert served.rows(COUNT) == [[300]]
    stop = threading.Event()
    seen: list[list[int]] = [[], [], []]
    failed: list[str] = []

    def ask(counts: list[int]) -> None:
        with httpx.Client(timeout=60) as client:
            while not stop.is_set():
                parameters = {"LANG": "ADQL", "QUERY": COUNT, "RESPONSEFORMAT": "json"}
                answer = client.get(f"{served.tap}/sync", params=parameters)
                if answer.status_code == 200:
                    counts.append(answer.json()["data"][0][0])
                else:
                    failed.append(answer.text)

    threads = [threading.Thread(target=ask, args=(counts,)) for counts in seen]
    for thread in threads:
        thread.start()
    publish(write_survey(tmp_path / "second", 500), "--output", release)
    after = served.rows(COUNT)
    stop.set()
    for thread in threads:
        thread.join()
    assert after == [[500]]
    assert failed == []
    for counts in seen:
        assert counts[0] == 300
        assert counts == sorted(counts)  # nobody sees the old release after the new one
        assert set(counts) <= {300, 500}


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory,
    start_service: Callable[..., Any],
    new_database: Callable[[str], str],
) -> Iterator[Any]:
    """The same survey, published for the service and into PostgreSQL."""
    url = new_database("both")
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            connection.execute(POSTGRESQL_SETUP)
        except psycopg.errors.UndefinedFile:
            pytest.skip("needs the Debian package postgresql-15-q3c")
    survey = write_survey(tmp_path_factory.mktemp("both") / "survey", 2000)
    publish(survey, "--database", url)
    with psycopg.connect(url) as connection:
        yield start_service(survey / "release.duckdb"), connection


@pytest.mark.parametrize("query", QUERIES)
def test_both_databases_give_the_same_answers(both: Any, query: str) -> None:
    served, connection = both
    stored = [replace(table, columns=table.stored) for table in PUBLISHED]
    compiled = compile_query(query, tables=stored, dialect="postgresql")
    theirs = [list(row) for row in connection.execute(compiled.sql).fetchall()]
    ours = served.rows(query)
    assert ours
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        for value, same in zip(one, other, strict=True):
            if isinstance(value, float) and isinstance(same, float):
                assert math.isclose(value, same, rel_tol=1e-6)
            else:
                assert value == same
