"""How fast the TAP service answers, beside a DaCHS server with the same rows where one runs.

``make bench-tap`` or ``python benchmarks/tap.py [--peer URL] [--rows N] [--seconds N] [--repeat N]``. A peer
is a TAP service with the table ``emline.big``: its rows are fetched from it, put into a release as
``emline.scores`` (the columns that both have), and both are asked the same queries, one after the other.
Before anything is timed their answers are compared. Without a peer the rows are made here. Everything is on
loopback; clients and servers share the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import astropy.units as u
import duckdb
import numpy as np
from astropy.table import QTable
from tap_client import Load, Request, Server, Timing, answer, load, timed
from tap_rows import COLUMNS, SELECT, made_rows, peer_rows, write_release

from vo_emline.candidates import SCORES

PEER: Final = "http://localhost:8080/tap"
UPLOAD_ROWS: Final = 10_000
CLIENTS: Final = 32

CONE: Final = SELECT + " WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', {ra:.4f}, {dec:.4f}, 0.5))"
Faster = Callable[[float, float], float]
MATCH: Final = (
    "SELECT t.n, b.obsid FROM {table} AS b JOIN TAP_UPLOAD.t AS t"
    " ON 1 = CONTAINS(POINT('ICRS', b.ra, b.dec), CIRCLE('ICRS', t.ra, t.dec, 0.001))"
)


def requests(positions: np.ndarray) -> list[Request]:
    """Give what is timed; a part of `positions` (n, 2), deg, moved by an arcsecond, is uploaded."""
    return [
        Request("TOP 1", SELECT.replace("SELECT", "SELECT TOP 1")),
        Request("cone 0.5°", cone(150, 20)),
        Request("GROUP BY label", "SELECT label, COUNT(*) AS n, AVG(snr_r) AS s FROM {table} GROUP BY label"),
        Request(f"match with {UPLOAD_ROWS:,} uploaded rows", MATCH, upload=upload_table(positions)),
        Request("all rows, TABLEDATA", SELECT, output="votable/td", slow=True),
        Request("all rows, BINARY2", SELECT, slow=True),
    ]


def upload_table(positions: np.ndarray) -> bytes:
    """Give a VOTable of numbered positions, in BINARY2: DaCHS takes half a megabyte at most."""
    rng = np.random.default_rng(1)
    chosen = positions[rng.choice(len(positions), min(UPLOAD_ROWS, len(positions)), replace=False)]
    moved = chosen + np.array([0, 1 / 3600])
    columns = {
        "n": np.arange(len(moved), dtype=np.int32),
        "ra": moved[:, 0] * u.deg,
        "dec": moved[:, 1] * u.deg,
    }
    document = io.BytesIO()
    QTable(columns).write(document, format="votable", tabledata_format="binary2")
    return document.getvalue()


def cone(ra: float, dec: float) -> str:
    """Give the query for a cone of 0.5° about a position, deg."""
    return CONE.format(table="{table}", ra=ra, dec=dec)


def cone_anywhere(rng: np.random.Generator) -> Request:
    """Give a cone somewhere in the survey."""
    return Request("cone", cone(rng.uniform(0, 360), rng.uniform(-10, 60)))


@contextlib.contextmanager
def serving(release: Path) -> Iterator[Server]:
    """Run our service on a free port."""
    command = [sys.executable, "-m", "service", str(release), "--port", "0"]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        url = process.stdout.readline().strip() if process.stdout else ""
        try:
            yield Server(f"{url}/tap", SCORES.qualified_name)
        finally:
            process.terminate()


def compare(ours: Server, peer: Server, asked: Sequence[Request]) -> None:
    """Make sure that both give the same answers.

    Raises
    ------
    SystemExit
        They do not.
    """
    for request in (each for each in asked if not each.slow and "TOP" not in each.query):
        as_text = Request(request.name, request.query, output="csv", upload=request.upload)
        first, second = (_values(answer(server, as_text)) for server in (ours, peer))
        if len(first) != len(second) or not np.allclose(first, second, rtol=1e-5, equal_nan=True):
            raise SystemExit(f"{request.name}: the answers differ, {len(first)} and {len(second)} rows")


def _values(body: bytes) -> np.ndarray:
    """Give the numbers of a CSV document, sorted, texts as NaN."""
    rows = list(csv.reader(body.decode().splitlines()))[1:]
    return np.sort(np.array([[_number(value) for value in row] for row in rows]), axis=0)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def measure(
    server: Server, asked: Sequence[Request], *, repeat: int, seconds: float
) -> tuple[list[Timing], Load]:
    """Time every request, then many clients at once."""
    timings = [timed(server, each, repeat=3 if each.slow else repeat) for each in asked]
    return timings, load(server, cone_anywhere, clients=CLIENTS, seconds=seconds)


def table(asked: Sequence[Request], measured: Sequence[tuple[list[Timing], Load]]) -> str:
    """Give the figures in Markdown: ours, those of a peer, and how many times ours is faster."""
    heads = ["ours"] if len(measured) == 1 else ["ours", "DaCHS", "DaCHS / ours"]
    lines = [f"| | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for number, request in enumerate(asked):
        timings = [each[0][number] for each in measured]
        if request.slow:
            lines.append(_line(f"{request.name}: first byte, s", [each.first for each in timings]))
        lines.append(_line(f"{request.name}, s", [each.total for each in timings]))
    loads = [each[1] for each in measured]
    rates = [(len(each.seconds) - each.errors) / each.wall for each in loads]
    clients = f"{CLIENTS} clients, cones 0.5°"
    lines.append(_line(f"{clients}: answers per second", rates, faster=lambda ours, peer: ours / peer))
    lines.append(_line(f"{clients}: median, s", [np.quantile(each.seconds, 0.5) for each in loads]))
    lines.append(_line(f"{clients}: p99, s", [np.quantile(each.seconds, 0.99) for each in loads]))
    errors = [str(each.errors) for each in loads] + [""] * (len(loads) - 1)
    lines.append(f"| {clients}: errors | {' | '.join(errors)} |")
    return "\n".join(lines)


def _line(name: str, values: Sequence[float], faster: Faster = lambda ours, peer: peer / ours) -> str:
    cells = [f"{value:.3f}" if value < 10 else f"{value:.1f}" for value in values]
    if len(values) > 1:
        cells.append(f"{faster(values[0], values[1]):.1f}")
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Measure and write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", default=PEER, help="TAP service to compare with [%(default)s]")
    parser.add_argument("--rows", type=int, default=500_000, help="rows made where there is no peer")
    parser.add_argument("--seconds", type=float, default=60, help="length of the load [%(default)s]")
    parser.add_argument("--repeat", type=int, default=15, help="repeats of quick requests [%(default)s]")
    options = parser.parse_args()
    peer = Server(options.peer, "emline.big")
    load_before = os.getloadavg()[0]
    rows = peer_rows(peer)
    beside = rows is not None
    rows = made_rows(options.rows) if rows is None else rows
    asked = requests(np.column_stack([rows["ra"].to_numpy(), rows["dec"].to_numpy()]))
    with tempfile.TemporaryDirectory() as folder:
        release = Path(folder) / "release.duckdb"
        write_release(release, rows)
        with serving(release) as ours:
            servers = [ours, peer] if beside else [ours]
            if beside:
                compare(ours, peer, asked)
            measured = [
                measure(server, asked, repeat=options.repeat, seconds=options.seconds) for server in servers
            ]
    sys.stdout.write(
        f"{len(rows):,} rows of {len(COLUMNS)} columns; {platform.machine()}, {os.cpu_count()} cores "
        f"(load {load_before:.1f} before), Python {platform.python_version()}, DuckDB {duckdb.__version__}"
        f"\n\n{table(asked, measured)}\n"
    )


if __name__ == "__main__":
    main()
