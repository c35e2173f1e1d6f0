"""The map of the sky: cells that add up, a projection that is right, a coverage others can read."""

from __future__ import annotations

import io
import re
from typing import Any

import httpx
import numpy as np
import pytest
from astropy.io import fits
from mocpy import MOC

from service.web.projection import HEIGHT, WIDTH, cell_paths, galactic_plane, mollweide
from service.web.sky import MAP_ORDER, shades, sky_map
from service.web.view import View
from vo_emline.candidates.columns import MOC_ORDER
from vo_emline.candidates.moc import merged


def test_the_cells_of_the_map_hold_all_rows(served: Any) -> None:
    found = sky_map(served.services, View(everything=True))
    ((n,),) = served.rows("SELECT COUNT(*) FROM emline.scores WHERE hpx10 IS NOT NULL")
    assert found.rows == sum(cell.rows for cell in found.cells) == n
    cell = found.richest[0]
    page = httpx.get(f"{served.url}/candidates{cell.link}").text
    assert f"{cell.rows} classified spectr" in page


def test_every_cell_is_drawn_and_links_to_its_list(served: Any) -> None:
    page = httpx.get(f"{served.url}/sky?all=1").text
    cells = re.findall(rf'all=1&amp;cell={MAP_ORDER}%2F(\d+)" tabindex', page)
    assert len(cells) == len(set(cells)) > 50
    assert httpx.get(f"{served.url}/sky", params={"snr_r_min": "x"}).status_code == 400


def test_the_projection_is_equal_in_area() -> None:
    """The cells of HEALPix have one area on the sky, and so on the map."""
    areas = []
    for path in cell_paths(2, range(0, 192, 7)):
        x, y = np.array([pair.split() for pair in path[1:-1].split("L")], dtype=float).T
        if x.max() - x.min() < WIDTH / 4:
            areas.append(0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))))
    assert np.std(areas) / np.mean(areas) < 0.08


def test_known_places_lie_where_they_should() -> None:
    x, y = mollweide(np.array([0.0, -180.0, 0.0]), np.array([0.0, 0.0, 90.0]))
    assert x == pytest.approx([WIDTH / 2, WIDTH, WIDTH / 2], abs=1e-6)
    assert y == pytest.approx([HEIGHT / 2, HEIGHT / 2, 0], abs=1e-6)
    x, y = mollweide(np.array([266.405 - 360]), np.array([-28.936]))  # the galactic centre
    drawn = np.array([pair.split() for pair in re.split("[ML]", galactic_plane()) if pair], dtype=float)
    assert np.hypot(drawn[:, 0] - x, drawn[:, 1] - y).min() < 1.0


def test_the_coverage_is_a_moc_that_holds_every_spectrum(served: Any, tmp_path: Any) -> None:
    answer = httpx.get(f"{served.url}/sky.moc.fits?all=1")
    (tmp_path / "moc.fits").write_bytes(answer.content)
    with fits.open(io.BytesIO(answer.content)) as hdus:
        assert hdus[1].header["MOCORD_S"] == MOC_ORDER
    moc = MOC.from_fits(tmp_path / "moc.fits")
    places = np.array(served.rows("SELECT ra, dec FROM emline.scores WHERE ra IS NOT NULL"))
    from astropy import units as u

    assert moc.contains_lonlat(places[:, 0] * u.deg, places[:, 1] * u.deg).all()
    assert MOC.from_json(httpx.get(f"{served.url}/sky.moc.json?all=1").json()) == moc
    assert MOC.from_string(httpx.get(f"{served.url}/sky.moc.txt?all=1").text) == moc


def test_whole_parents_stand_for_their_cells() -> None:
    whole = list(range(12 * 4**MOC_ORDER))
    assert merged(whole) == {0: list(range(12))}
    assert merged([]) == {MOC_ORDER: []}
    assert shades([]) == [1]
