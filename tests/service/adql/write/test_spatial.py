# ruff: noqa: E501 - one case a line
"""Spatial conditions: exact against brute force, and made so that the database can skip rows."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import Latitude, Longitude, SkyCoord
from cdshealpix.nested import lonlat_to_healpix, neighbours

from service.adql import compile_query
from service.adql.write.crossmatch import order_for
from service.adql.write.duckdb import MAX_RANGES, cone_ranges
from service.adql.write.spherical import SphericalPolygon, box, separation, vector
from vo_emline.candidates.columns import CANDIDATES, HPX_ORDER
from vo_emline.candidates.obscore import OBSCORE
from vo_emline.tables import Column, Table

Run = Callable[[str], list[tuple[object, ...]]]
UPLOAD = Table(
    schema="TAP_UPLOAD",
    name="t",
    description="",
    columns=tuple(Column(name=name, datatype="double", description="") for name in ("ra", "dec")),
)


def sql(condition: str) -> str:
    query = f"SELECT c.ra FROM emline.candidates AS c, TAP_UPLOAD.t AS t WHERE {condition}"
    return compile_query(query, tables=[CANDIDATES], uploads=[UPLOAD]).sql


@pytest.mark.parametrize(
    ("lon", "lat", "radius"), [(10, 20, 1), (0, 0, 5), (77, 89.5, 1), (200, -90, 20), (359.9, 1, 0.2)]
)
def test_cones_agree_with_astropy(lon: float, lat: float, radius: float, duck: Run, stars: pa.Table) -> None:
    positions = SkyCoord(stars["ra"].to_numpy(), stars["dec"].to_numpy(), unit="deg")
    near = positions.separation(SkyCoord(lon, lat, unit="deg")).deg <= radius
    expected = sorted(stars["id"].to_numpy()[near].tolist())
    found = duck(
        f"SELECT id FROM emline.stars WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE({lon}, {lat}, {radius})) ORDER BY id"
    )
    assert expected
    assert [row[0] for row in found] == expected


def test_matches_agree_with_astropy(duck: Run, stars: pa.Table, targets: pa.Table) -> None:
    left = SkyCoord(stars["ra"].to_numpy(), stars["dec"].to_numpy(), unit="deg")
    right = SkyCoord(targets["ra"].to_numpy(), targets["dec"].to_numpy(), unit="deg")
    a, b, _, _ = right.search_around_sky(left, 0.1 * u.deg)
    expected = sorted(
        zip(targets["n"].to_numpy()[b].tolist(), stars["id"].to_numpy()[a].tolist(), strict=True)
    )
    found = duck(
        "SELECT t.n, s.id FROM emline.stars AS s JOIN TAP_UPLOAD.targets AS t "
        "ON DISTANCE(s.ra, s.dec, t.ra, t.dec) < 0.1 ORDER BY t.n, s.id"
    )
    assert found == expected


@pytest.mark.parametrize("condition", [
    "1 = CONTAINS(POINT('ICRS', c.ra, c.dec), CIRCLE('ICRS', 10, 20, 0.5))", "DISTANCE(c.ra, c.dec, 10, 20) < 0.5",
    "0.5 >= DISTANCE(POINT(10, 20), POINT(c.ra, c.dec))", "INTERSECTS(CIRCLE(10, 20, 1/2.), POINT(c.ra, c.dec)) = 1",
    "1 = CONTAINS(POINT(c.ra, c.dec), POLYGON(9, 19, 11, 19, 10, 21))", "1 = CONTAINS(POINT(c.ra, c.dec), BOX(1, 2, 3, 4))",
])  # fmt: skip
def test_constant_regions_use_pixel_ranges(condition: str) -> None:
    assert '"c"."hpx10" BETWEEN' in sql(condition)


@pytest.mark.parametrize("condition", [
    "DISTANCE(s_ra, s_dec, 10, 20) < 0.5", "1 = CONTAINS(POINT(s_ra, s_dec), POLYGON(9, 19, 11, 19, 10, 21))",
])  # fmt: skip
def test_obscore_has_the_index_though_its_ucds_lack_the_word_main(condition: str) -> None:
    query = f"SELECT s_ra FROM ivoa.obscore WHERE {condition}"
    assert '"obscore"."hpx10" BETWEEN' in compile_query(query, tables=[OBSCORE]).sql


def test_of_two_positions_without_the_word_main_none_has_the_index() -> None:
    again = replace(OBSCORE["s_ra"], name="other_ra")
    table = replace(OBSCORE, columns=(*OBSCORE.columns, again))
    query = "SELECT s_ra FROM ivoa.obscore WHERE DISTANCE(s_ra, s_dec, 10, 20) < 0.5"
    assert "hpx10" not in compile_query(query, tables=[table]).sql


def test_pixels_that_a_client_uploads_are_not_believed() -> None:
    upload = replace(CANDIDATES, schema="TAP_UPLOAD", name="mine")
    query = "SELECT ra FROM TAP_UPLOAD.mine WHERE DISTANCE(ra, dec, 10, 20) < 0.5"
    assert "hpx10" not in compile_query(query, tables=[], uploads=[upload]).sql


@pytest.mark.parametrize("condition", [
    "DISTANCE(c.ra, c.dec, t.ra, t.dec) < 0.01", "1 = CONTAINS(POINT(c.ra, c.dec), CIRCLE(t.ra, t.dec, 0.01))",
    "(c.score > 0 AND CONTAINS(POINT(t.ra, t.dec), CIRCLE(c.ra, c.dec, 0.01)) = 1)",
])  # fmt: skip
def test_matches_join_by_pixel(condition: str) -> None:
    assert 'ON "c"."hpx10" = px.pixel' in sql(condition)


@pytest.mark.parametrize("condition", [
    "NOT DISTANCE(c.ra, c.dec, t.ra, t.dec) < 0.01", "DISTANCE(c.ra, c.dec, t.ra, t.dec) < 0.01 OR c.ra = t.ra",
    "DISTANCE(c.ra, c.dec, t.ra, t.dec) > 0.01", "DISTANCE(c.ra, c.dec, t.ra, c.dec) < 0.01",
    "DISTANCE(c.ra, c.dec, t.ra, t.dec) < t.ra", "DISTANCE(c.ra, c.dec, t.ra, t.dec) < 60",
    "0 = CONTAINS(POINT(c.ra, c.dec), CIRCLE(t.ra, t.dec, 0.01))",
])  # fmt: skip
def test_other_conditions_do_not(condition: str) -> None:
    assert "px.pixel" not in sql(condition)


@pytest.mark.parametrize(
    ("join", "replaced"), [("LEFT", False), ("RIGHT", True), ("FULL", False), ("INNER", True)]
)
def test_outer_joins_keep_their_rows(join: str, *, replaced: bool) -> None:
    query = (
        f"SELECT c.ra FROM emline.candidates AS c {join} JOIN TAP_UPLOAD.t AS t "
        "ON DISTANCE(c.ra, c.dec, t.ra, t.dec) < 0.01"
    )
    assert ("px.pixel" in compile_query(query, tables=[CANDIDATES], uploads=[UPLOAD]).sql) is replaced


def test_circles_stay_within_the_nine_pixels() -> None:
    rng = np.random.default_rng(3)
    count = 20_000
    lon, z = rng.uniform(0, 360, count), rng.uniform(-1, 1, count)
    centres = SkyCoord(lon, np.degrees(np.arcsin(z)), unit="deg")
    for radius in (39.0, 10.0, 1.2, 0.15, 0.038):
        order = order_for(radius)
        assert order is not None
        edge = centres.directional_offset_by(rng.uniform(0, 360, count) * u.deg, radius * u.deg)
        inside = lonlat_to_healpix(Longitude(edge.ra), Latitude(edge.dec), order).astype(np.int64)
        middle = lonlat_to_healpix(Longitude(centres.ra), Latitude(centres.dec), order)
        around = neighbours(middle, order).astype(np.int64)
        assert (around == inside[:, None]).any(axis=1).all()
    assert order_for(0.001) == HPX_ORDER
    assert order_for(60) is None


@pytest.mark.parametrize("radius", [1e-4, 0.5, 20, 180])
def test_ranges_cover_the_cone(radius: float) -> None:
    ranges = cone_ranges(45.0, -30.0, radius)
    assert len(ranges) <= MAX_RANGES
    assert all(a[1] < b[0] for a, b in pairwise(ranges))
    rng = np.random.default_rng(4)
    centre = SkyCoord(45, -30, unit="deg")
    inside = centre.directional_offset_by(
        rng.uniform(0, 360, 2000) * u.deg, rng.uniform(0, radius, 2000) * u.deg
    )
    pixels = lonlat_to_healpix(Longitude(inside.ra), Latitude(inside.dec), HPX_ORDER).astype(np.int64)
    starts = np.array([first for first, _ in ranges])
    ends = np.array([last for _, last in ranges])
    place = np.searchsorted(starts, pixels, side="right") - 1
    assert (pixels <= ends[place]).all()


def test_areas_and_centroids() -> None:
    octant = SphericalPolygon([(0, 0), (90, 0), (0, 90)])
    assert octant.area == pytest.approx(4 * math.pi * math.degrees(1) ** 2 / 8)
    assert octant.centroid == pytest.approx((45, math.degrees(math.asin(1 / math.sqrt(3)))))
    assert octant.contains(vector(30, 30))
    assert not octant.contains(vector(210, -30))
    small = box(120, 60, 2, 1)
    solid_angle = 4 * math.asin(math.sin(math.radians(1)) * math.sin(math.radians(0.5)))
    assert small.area == pytest.approx(solid_angle * math.degrees(1) ** 2)
    assert small.centroid == pytest.approx((120, 60))


def test_box_sides_cut_the_arms_at_their_ends() -> None:
    corners = box(10, 50, 4, 2).corners
    north = vector(10, 51)
    side = np.cross(corners[2], corners[3])
    assert np.dot(side, north) == pytest.approx(0, abs=1e-12)


def test_polygon_relations() -> None:
    big, small = box(0, 0, 10, 10), box(1, 1, 2, 2)
    assert small.within(big)
    assert not big.within(small)
    assert big.overlaps(small)
    assert not box(40, 0, 2, 2).overlaps(small)
    assert box(5, 0, 2, 2).crosses(big)
    assert big.distance_to_edge(vector(0, 0)) == pytest.approx(5)
    assert separation(vector(0, 89), vector(180, 89)) == pytest.approx(2)


@pytest.mark.parametrize("vertices", [[(0, 80), (180, -80), (90, 0)], [(0, 0), (1, 0), (2, 0)]])
def test_impossible_polygons(vertices: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="the polygon"):
        SphericalPolygon(vertices)
