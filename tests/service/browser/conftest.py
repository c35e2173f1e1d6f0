"""A release that people would browse, served, and a browser to do so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from vo_emline.candidates import build_release, candidate_ids
from vo_emline.candidates.columns import CUTOUTS, REJECTS, SCORES, SPECTRA
from vo_emline.candidates.cutouts import pack_cutouts
from vo_emline.candidates.facts import PASSED_OVER
from vo_emline.candidates.release import arrow_schema
from vo_emline.labels import LABELS, PROBABILITY_COLUMNS
from vo_emline.preprocess.windows import GRID
from vo_emline.spectra import HALPHA_VAC

HOSTILE = "<img src=x onerror=alert(1)>'\"&"
N = 240


@pytest.fixture(scope="session")
def browsed(start_service: Any, browsed_release: Path) -> Any:
    """Serve 240 classified spectra: some near the Double Cluster, a star seen twice, hostile names."""
    return start_service(browsed_release)


@pytest.fixture(scope="session")
def browsed_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release of those spectra; candidates have pixels."""
    path = tmp_path_factory.mktemp("browsed") / "release.duckdb"
    rows = [_row(number) for number in range(N)]
    build_release(
        path,
        spectra=_table(rows, arrow_schema(SPECTRA)),
        scores=_table(rows, arrow_schema(SCORES)),
        cutouts=_cutouts(rows),
        rejects=pa.Table.from_pylist(
            [{"source": f"{HOSTILE}.fits", "code": "truncated", "message": f"ends early {HOSTILE}"}],
            schema=arrow_schema(REJECTS),
        ),
        metadata={"run_id": "run-1", PASSED_OVER: json.dumps({HOSTILE: {"files": 2, "first": [HOSTILE]}})},
    )
    return path


def _row(number: int) -> dict[str, Any]:
    label = LABELS[(0, 1, 2)[number % 3]]
    star = number - 1 if number == 11 else number  # 10 and 11 are one star
    near = number % 12 == 2
    probabilities = [0.9 if name == label else 0.05 for name in LABELS]
    did = f"ivo://x/~?s/{number}"
    name = HOSTILE if number == 5 else f"Star {star:03d}"
    return {
        "obs_publisher_did": did,
        "candidate_id": candidate_ids([did])[0],
        "designation": name,
        "target_name": name,
        "ra": 34.5 + 0.004 * star if near else (star * 7.31) % 360,
        "dec": 57.0 + 0.001 * star if near else -5 + (star * 3.7) % 60,
        "label": label,
        "score": probabilities[1] + probabilities[2],
        **dict(zip(PROBABILITY_COLUMNS, probabilities, strict=True)),
        "ew": -0.5 - (number * 37 % 101) / 4,
        "ew_error": 0.3,
        "line_significance": 3.0 + number % 50,
        "snr_r": float(10 + number * 13 % 140),
        "epoch_mjd": 56000.5 + number,
        "start_mjd": 56000.5 + number,
        "spectral_subclass": ("B2", "B6", "A0", "dM4")[number // 3 % 4],
        "flags": "low_snr" if number % 7 == 0 else "",
        "known_as": HOSTILE if number == 8 else None,
        "obsid": 1000 + number,
        "collection": "LAMOST LRS",
        "release": "DR10",
        "wave_min": 3.7e-7,
        "wave_max": 9.1e-7,
        "n_pixels": 3909,
        "path": "/nowhere/spectrum.fits",
        "layout": "lamost",
        "run_id": "run-1",
    }


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema.remove(schema.get_field_index("hpx10")))


def _cutouts(rows: list[dict[str, Any]]) -> pa.Table:
    shown = [row for row in rows if row["label"] != LABELS[0]]
    ratio = 1 + np.exp(-0.5 * ((GRID - HALPHA_VAC) / 5) ** 2) * np.array([[-row["ew"]] for row in shown]) / 12
    columns = [pa.array([row["candidate_id"] for row in shown]), pack_cutouts(ratio)]
    return pa.Table.from_arrays(columns, schema=arrow_schema(CUTOUTS))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start Chromium; its event loop runs in this thread, and must end with the module that needs it."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=20_000)  # where other tests have the processors, nothing is quick
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Any) -> Callable[..., Any]:
    """Give a function that opens a page in a fresh window; what the browser complains of fails the test."""

    @contextmanager
    def open_page(*, width: int = 1400, cut: bool = False, **options: Any) -> Iterator[Any]:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        page = context.new_page()
        page.set_default_timeout(20_000)
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if _is_bad(said, cut) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}") or dialog.dismiss())
        try:
            yield page
        finally:
            context.close()
        assert not complaints

    return open_page


def _is_bad(said: Any, cut: bool) -> bool:
    """Tell a complaint from the browser's own word on a status of 400, or on a connection that was cut."""
    expected = ["status of 400", *(["net::ERR_"] if cut else [])]
    return said.type == "error" and not any(word in said.text for word in expected)
