"""The MOC of a release as a table: asked by pyvo and read by MOCpy, as users do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import pyvo
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table
from mocpy import MOC

from service.adql import AdqlError, compile_query
from vo_emline.candidates.columns import COVERAGE

MANY = " ".join(f"{k}000000001-{k}900000000" for k in range(1, 3000))
WHERE = "SELECT survey, n_spectra, n_candidates FROM emline.coverage WHERE 1 = CONTAINS(POINT({}, {}), cell)"


def spectra(served: Any) -> list[list[Any]]:
    rows: list[list[Any]] = served.rows(
        "SELECT s.ra, s.dec, s.label, o.obs_collection FROM emline.scores AS s "
        "JOIN ivoa.obscore AS o USING (obs_publisher_did) WHERE s.ra IS NOT NULL",
        MAXREC=10_000,
    )
    return rows


def test_its_cells_are_the_coverage_of_each_survey(served: Any) -> None:
    found = pyvo.dal.TAPService(served.tap).search("SELECT * FROM emline.coverage", maxrec=100_000)
    rows = found.to_table()
    stars = spectra(served)
    for survey in {row[3] for row in stars}:
        cells = rows[rows["survey"] == survey]
        moc = MOC.from_string(" ".join(cells["cell"].tolist()))
        ra, dec = np.array([row[:2] for row in stars if row[3] == survey], dtype=float).T
        assert moc == MOC.from_lonlat(ra * u.deg, dec * u.deg, max_norder=7)
        assert moc == MOC.from_healpix_cells(cells["npix"].data, cells["norder"].data, max_depth=7)
        assert int(cells["n_spectra"].sum()) == len(ra)
    assert int(rows["n_candidates"].sum()) == sum(row[2] != "absorption" for row in stars)


def test_a_position_is_asked_for(served: Any) -> None:
    service = pyvo.dal.TAPService(served.tap)
    ra, dec, _, survey = spectra(served)[0]
    assert survey in service.search(WHERE.format(ra, dec)).to_table()["survey"].tolist()
    assert len(service.search(WHERE.format(ra, -89.0))) == 0


def test_uploaded_stars_are_told_where_there_are_spectra(served: Any) -> None:
    stars = spectra(served)
    ra = np.array([row[0] for row in stars[:20]] + [10.0] * 5)
    dec = np.array([row[1] for row in stars[:20]] + [-80.0 - i for i in range(5)])
    query = (
        "SELECT DISTINCT t.n FROM TAP_UPLOAD.mine AS t JOIN emline.coverage AS c "
        "ON 1 = CONTAINS(POINT(t.ra, t.dec), c.cell) ORDER BY 1"
    )
    mine = Table({"n": np.arange(25), "ra": ra, "dec": dec})
    found = pyvo.dal.TAPService(served.tap).run_async(query, uploads={"mine": mine})
    assert found.to_table()["n"].tolist() == list(range(20))


def test_a_moc_of_ones_own_selects_what_lies_inside(served: Any) -> None:
    stars = spectra(served)
    places = SkyCoord([row[0] for row in stars], [row[1] for row in stars], unit="deg")
    moc = MOC.from_cone(lon=places[0].ra, lat=places[0].dec, radius=20 * u.deg, max_depth=6)
    inside = int(moc.contains_skycoords(places).sum())
    area = f"MOC('{moc.to_string()}')"
    query = f"SELECT COUNT(*) AS n FROM emline.scores WHERE 1 = CONTAINS(POINT(ra, dec), {area})"
    assert 0 < inside < len(stars)
    assert served.rows(query) == [[inside]]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("CONTAINS(POINT(1, 2), MOC('7/x'))", "no part of a MOC"),
        ("CONTAINS(POINT(1, 2), MOC('3'))", "no order"),
        ("CONTAINS(POINT(1, 2), MOC('2/500'))", "no cells of order 2"),
        ("CONTAINS(POINT(1, 2), MOC(''))", "no MOC"),
        (f"CONTAINS(POINT(1, 2), MOC('29/{MANY}'))", "lower order"),
        ("CONTAINS(CIRCLE(1, 2, 3), cell)", "whether a point is inside"),
        ("COORD1(CENTROID(cell))", "CENTROID of a MOC"),
    ],
)
def test_what_is_no_moc_is_said(condition: str, said: str) -> None:
    with pytest.raises(AdqlError, match=said):
        compile_query(f"SELECT npix FROM emline.coverage WHERE {condition} = 1", tables=[COVERAGE])
