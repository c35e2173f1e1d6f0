from __future__ import annotations

from itertools import pairwise

import duckdb
import numpy as np
import pytest

from service.ssa.conditions import SEPARATION_SQL, pixel_ranges
from vo_emline.candidates import healpix


def sphere(n: int, *, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.uniform(0, 360, n), np.degrees(np.arcsin(random.uniform(-1, 1, n)))


def separation(ra: np.ndarray, dec: np.ndarray, *, ra0: float, dec0: float) -> np.ndarray:
    a, b, c, d = np.radians(ra), np.radians(dec), np.radians(ra0), np.radians(dec0)
    cosine = np.sin(b) * np.sin(d) + np.cos(b) * np.cos(d) * np.cos(a - c)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


@pytest.mark.parametrize("centre", [(10.0, 20.0), (0.0, 0.0), (359.99, -45.0), (123.0, 90.0), (45.0, -89.9)])
@pytest.mark.parametrize("radius", [0.01, 1.0, 20.0, 90.0, 180.0])
def test_the_ranges_hold_every_point_of_the_circle(centre: tuple[float, float], radius: float) -> None:
    ra, dec = sphere(20_000)
    # points near the centre too, or small circles would hold none
    ra = np.concatenate([ra, np.full(200, centre[0])])
    dec = np.concatenate([dec, np.clip(centre[1] + np.linspace(-radius, radius, 200), -90, 90)])
    pixels = healpix(ra, dec).to_numpy()
    covered = np.zeros(pixels.size, dtype=bool)
    for first, last in pixel_ranges(*centre, radius):
        covered |= (pixels >= first) & (pixels <= last)
    inside = separation(ra, dec, ra0=centre[0], dec0=centre[1]) < radius * (1 - 1e-6)
    assert inside.any()
    assert covered[inside].all()


def test_ranges_are_few_disjoint_and_close_to_the_circle() -> None:
    for radius in (0.01, 1.0, 30.0):
        ranges = pixel_ranges(56.0, 24.0, radius)
        assert len(ranges) < 400
        assert all(last < following for (_, last), (following, _) in pairwise(ranges))
        area = sum(last - first + 1 for first, last in ranges) / (12 * 4**10)
        circle = (1 - np.cos(np.radians(radius + 0.06))) / 2
        assert area < 1.6 * circle + 1e-6


def test_a_point_is_found_by_a_circle_without_extent() -> None:
    pixel = healpix(np.array([56.0]), np.array([24.0]))[0].as_py()
    assert any(first <= pixel <= last for first, last in pixel_ranges(56.0, 24.0, 0.0))


def test_the_distance_in_sql_is_exact_also_for_neighbours() -> None:
    arcsecond = 1 / 3600
    sql = f"SELECT {SEPARATION_SQL} FROM (SELECT $ra AS ra, $dec AS dec)"
    values = {"pos_ra": 10.0, "pos_dec": 89.0, "ra": 10.0, "dec": 89.0 + 1e-3 * arcsecond}
    assert duckdb.execute(sql, values).fetchall()[0][0] == pytest.approx(1e-3 * arcsecond, rel=1e-6)
    values = {"pos_ra": 0.0, "pos_dec": 0.0, "ra": 180.0, "dec": 0.0}
    assert duckdb.execute(sql, values).fetchall()[0][0] == pytest.approx(180.0)
