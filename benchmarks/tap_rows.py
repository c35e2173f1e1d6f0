"""The rows that two TAP services are asked for: a peer's, or made here, and the release that holds them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import csv
from tap_client import Request, Server, answer

from vo_emline.candidates import SCORES, SPECTRA, arrow_schema, build_release, candidate_ids
from vo_emline.labels import LABELS, PROBABILITY_COLUMNS

COLUMNS: Final = ("obsid", "ra", "dec", "label", *PROBABILITY_COLUMNS, "snr_r", "designation")
"""What the peer's table and ours have in common."""
SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM {{table}}"  # noqa: S608 - fixed names


def peer_rows(peer: Server) -> pa.Table | None:
    """Fetch the rows of the peer; None where there is no peer."""
    request = Request("rows", SELECT, output="csv")
    try:
        body = answer(peer, request)
    except OSError:
        return None
    return csv.read_csv(pa.BufferReader(body))


def made_rows(count: int) -> pa.Table:
    """Make rows: places of a survey of the northern sky, nine of ten labels absorption."""
    rng = np.random.default_rng(2017)
    weights = 0.45 * rng.dirichlet([1, 1, 1], count)
    classes = rng.choice(len(LABELS), count, p=(0.93, 0.05, 0.02))
    weights[np.arange(count), classes] += 0.55
    edges = np.sin(np.radians([-10, 60]))
    obsid = 101_000 + np.cumsum(rng.integers(1, 1500, count))
    values = [
        obsid, rng.uniform(0, 360, count), np.degrees(np.arcsin(rng.uniform(*edges, count))),
        np.array(LABELS)[classes], *weights.T, np.exp(rng.normal(3.2, 0.9, count)),
        [f"J{number:015d}" for number in obsid.tolist()],
    ]  # fmt: skip
    return pa.table(dict(zip(COLUMNS, values, strict=True)))


def write_release(path: Path, rows: pa.Table) -> None:
    """Put `rows` into a release; what they lack is NULL."""
    dids = [f"ivo://x-local.test/~?big/{number}" for number in rows["obsid"].to_pylist()]
    emission = np.add(*(rows[name].to_numpy() for name in PROBABILITY_COLUMNS[1:]))
    extra = {"obs_publisher_did": dids, "candidate_id": candidate_ids(dids), "score": emission}
    for name, values in extra.items():
        rows = rows.append_column(name, pa.array(values))
    tables = []
    for table in (SPECTRA, SCORES):
        types = [item for item in arrow_schema(table) if item.name != "hpx10"]
        tables.append(
            pa.table({item.name: rows[item.name] if item.name in rows.column_names
                      else pa.nulls(len(rows), item.type) for item in types})
        )  # fmt: skip
    build_release(path, spectra=tables[0], scores=tables[1])
