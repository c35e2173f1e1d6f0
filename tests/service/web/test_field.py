"""What was taken at once with a candidate, near by: its own exposure and place, and nothing else."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from astropy.io import fits

from vo_emline.candidates import build_release, candidate_ids
from vo_emline.candidates.columns import SCORES, SPECTRA
from vo_emline.candidates.release import arrow_schema
from vo_emline.labels import PROBABILITY_COLUMNS
from vo_emline.spectra.surveys import exposure_of

HOSTILE = "<img src=x onerror=alert(1)>"
EXPOSURE = 990216

Spec = tuple[str, int | None, float, float | None]
PLATE: tuple[Spec, ...] = (
    ("the star", EXPOSURE * 100_000 + 16_102, 0.0, -7.5),
    ("near", EXPOSURE * 100_000 + 1_001, 0.1, -0.3),
    (HOSTILE, EXPOSURE * 100_000 + 99_999, 0.05, None),
    ("far", EXPOSURE * 100_000 + 2_002, 0.6, -1.0),
    ("another exposure", (EXPOSURE + 1) * 100_000 + 1_001, 0.02, -1.0),
    ("without obsid", None, 0.01, -1.0),
)
"""Name, obsid, degrees north of the first, equivalent width of Hα in Å."""


def served(start_service: Any, path: Path, collection: str) -> tuple[Any, list[str]]:
    dids = [f"ivo://x/~?{number}" for number in range(len(PLATE))]
    identifiers = list(candidate_ids(dids))
    rows = [
        {
            "obs_publisher_did": did, "candidate_id": identifier, "designation": name, "target_name": name,
            "obsid": obsid, "ra": 96.5, "dec": 17.8 + north, "label": "emission", "score": 0.9,
            **dict(zip(PROBABILITY_COLUMNS, (0.1, 0.9, 0.0), strict=True)), "ew": ew, "ew_error": 0.1,
            "flags": "", "collection": collection, "release": "", "wave_min": 3.7e-7, "wave_max": 9.1e-7,
            "n_pixels": 3909, "path": "/nowhere/s.fits", "layout": "lamost", "run_id": "run-1",
        }
        for (name, obsid, north, ew), did, identifier in zip(PLATE, dids, identifiers, strict=True)
    ]  # fmt: skip

    def table(schema: pa.Schema) -> pa.Table:
        return pa.Table.from_pylist(rows, schema=schema.remove(schema.get_field_index("hpx10")))

    build_release(path, spectra=table(arrow_schema(SPECTRA)), scores=table(arrow_schema(SCORES)))
    return start_service(path), identifiers


def test_the_nearest_of_the_same_exposure_are_shown(start_service: Any, tmp_path: Path) -> None:
    service, ids = served(start_service, tmp_path / "release.duckdb", "LAMOST LRS")
    page = httpx.get(f"{service.url}/candidate/{ids[0]}.html").text
    shown = page[page.index('id="field"') :].partition("</table>")[0]
    assert [identifier for identifier in ids if identifier in shown] == [ids[1], ids[2]]
    assert shown.index(ids[2]) < shown.index(ids[1])  # the nearest first
    assert ">3.0<" in shown
    assert ">6.0<" in shown
    assert "−0.30 ± 0.10" in shown
    assert escape(HOSTILE) in shown
    assert HOSTILE not in page


def test_the_query_of_the_field_gives_all_of_it(start_service: Any, tmp_path: Path) -> None:
    service, ids = served(start_service, tmp_path / "release.duckdb", "LAMOST LRS")
    page = httpx.get(f"{service.url}/candidate/{ids[0]}.html").text
    link = page[page.index('id="field"') :].partition("All of them, as a query")[0].rpartition('href="')[2]
    query = httpx.URL(f"{service.url}/candidate/").join(link.partition('"')[0].replace("&amp;", "&"))
    answer = httpx.get(query.copy_set_param("RESPONSEFORMAT", "json"))
    assert [row[0] for row in answer.json()["data"]] == [ids[2], ids[1]]


@pytest.mark.parametrize(
    ("collection", "number"), [("SDSS", 0), ("", 0), ("LAMOST LRS", 4), ("LAMOST LRS", 5)]
)
def test_where_exposures_are_unknown_or_alone_nothing_is_said(
    start_service: Any, tmp_path: Path, collection: str, number: int
) -> None:
    service, ids = served(start_service, tmp_path / "release.duckdb", collection)
    page = httpx.get(f"{service.url}/candidate/{ids[number]}.html")
    assert page.status_code == 200
    assert "On the same plate" not in page.text


def test_obsids_of_lamost_say_the_exposure() -> None:
    assert exposure_of("LAMOST LRS", 990_216_102) == range(990_200_000, 990_300_000)
    assert exposure_of("LAMOST LRS", None) is None
    assert exposure_of("SDSS", 990_216_102) is None


def test_real_files_of_one_exposure_have_its_obsids() -> None:
    folder = Path(__file__).resolve().parents[4] / "shared" / "field" / "lamost-dr10"
    files = sorted(folder.glob("*.fits.gz"))[::12]
    if not files:
        pytest.skip("needs the real files")
    exposures: dict[range | None, set[tuple[Any, Any]]] = {}
    for file in files:
        header = fits.getheader(file)
        found = exposure_of("LAMOST LRS", header["OBSID"])
        exposures.setdefault(found, set()).add((header["LMJD"], header["PLANID"]))
        assert header["OBSID"] % 100_000 == 1000 * header["SPID"] + header["FIBERID"]
    assert len(exposures) > 3
    assert all(len(plates) == 1 for plates in exposures.values())
