"""A small survey as the bulk engine leaves it, and a PostgreSQL server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vo_emline.files import write_json
from vo_emline.labels import LABELS
from vo_emline.survey import REJECTS_SCHEMA, SCORES_SCHEMA

MakeSurvey = Callable[..., Path]


def score(number: int, **facts: Any) -> dict[str, Any]:
    """One row of scores: every column has a value of its own kind."""
    row: dict[str, Any] = {
        field.name: (
            f"{field.name}-{number}" if pa.types.is_string(field.type)
            else number % 2 == 0 if pa.types.is_boolean(field.type)
            else number
        )
        for field in SCORES_SCHEMA
    }  # fmt: skip
    row |= {
        "source": f"/mirror/plate-{number % 3}/spec-{number:04d}.fits.gz",
        "survey": "LAMOST LRS",
        "publisher_did": "",
        "designation": f"J{number:06d}.00+100000.0",
        "ra": (number * 37.0) % 360,
        "dec": -10.0 + number % 70,
        "wave_min": 3700.0,
        "wave_max": 9100.0,
        "label": LABELS[number % 3],
        "flags": "uncertain" if number % 5 == 0 else "",
    }
    return row | facts


def write_survey(folder: Path, rows: list[dict[str, Any]], *, n_rejects: int = 2, size: int = 10) -> Path:
    """Write a finished survey of these scores, `size` a shard."""
    folder.mkdir(parents=True)
    pieces = [rows[first : first + size] for first in range(0, len(rows), size)]
    for shard, piece in enumerate(pieces):
        pq.write_table(pa.Table.from_pylist(piece, SCORES_SCHEMA), folder / f"scores-{shard:06d}.parquet")
        missed = [
            {"source": f"/mirror/x/bad-{n}.fits", "code": "truncated", "message": "ends early – 2 < 3"}
            for n in range(n_rejects if shard == 0 else 0)
        ]
        pq.write_table(pa.Table.from_pylist(missed, REJECTS_SCHEMA), folder / f"rejects-{shard:06d}.parquet")
    classes = {label: sum(row["label"] == label for row in rows) for label in LABELS}
    rejects = {"truncated": n_rejects} if n_rejects else {}
    summary = {"inputs": len(rows) + n_rejects, "classes": classes, "rejects": rejects, "flags": {}}
    write_json(folder / "summary.json", summary | {"model_version": "model-7"})
    write_json(folder / "manifest.json", {"inputs": len(rows) + n_rejects, "model_version": "model-7"})
    return folder


@pytest.fixture
def survey(tmp_path: Path) -> Path:
    """A finished survey of 60 scores in six shards and two rejects."""
    return write_survey(tmp_path / "survey", [score(number) for number in range(60)])
