"""The functions given to DuckDB, on odd input."""

from collections.abc import Callable

import duckdb
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import Latitude, Longitude
from cdshealpix.nested import lonlat_to_healpix

from service.adql import register_functions

Run = Callable[[str], list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    register_functions(connection)
    positions = {
        "lon": [10.0, None, 370.0, -350.0, 10.0, float("nan")],
        "lat": [20.0, 20.0, 20.0, 20.0, 91.0, 0.0],
    }
    connection.register("positions", pa.table(positions))
    return connection


def test_what_is_no_position_has_no_pixel(database: duckdb.DuckDBPyConnection) -> None:
    found = database.execute("SELECT adql_healpix_index(12, lon, lat) FROM positions").fetchall()
    pixel = int(lonlat_to_healpix(Longitude(10 * u.deg), Latitude(20 * u.deg), 12)[0])
    assert [row[0] for row in found] == [pixel, None, pixel, pixel, None, None]


def test_what_is_no_position_touches_no_pixel(database: duckdb.DuckDBPyConnection) -> None:
    found = database.execute("SELECT len(adql_cone_pixels(lon, lat, 10)) FROM positions").fetchall()
    assert [row[0] or 0 for row in found] == [9, 0, 9, 9, 0, 0]


def test_corners_of_base_pixels_have_fewer_neighbours(database: duckdb.DuckDBPyConnection) -> None:
    ((pixels,),) = database.execute("SELECT adql_cone_pixels(0, 90, 0)").fetchall()
    assert len(pixels) == len(set(pixels)) < 9


def test_upload_with_missing_positions_is_matched(duck: Run) -> None:
    join = "LEFT JOIN emline.stars AS s ON DISTANCE(s.ra, s.dec, SQRT(t.n - 100) + t.ra, t.dec) < 0.05"
    rows = duck(f"SELECT COUNT(*) FROM TAP_UPLOAD.targets AS t {join}")
    assert rows[0][0] >= 200
