"""The functions that the written SQL calls and the databases do not have."""

from __future__ import annotations

from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL
from duckdb.sqltypes import BIGINT, DOUBLE, INTEGER
from numpy.typing import NDArray

POSTGRESQL_SETUP: Final = """
CREATE EXTENSION IF NOT EXISTS q3c;
CREATE OR REPLACE FUNCTION adql_sqrt(x float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  'SELECT CASE WHEN x >= 0 THEN sqrt(x) END';
CREATE OR REPLACE FUNCTION adql_log(x float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  'SELECT CASE WHEN x > 0 THEN ln(x) END';
CREATE OR REPLACE FUNCTION adql_log10(x float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  'SELECT CASE WHEN x > 0 THEN log(x) END';
CREATE OR REPLACE FUNCTION adql_exp(x float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  'SELECT CASE WHEN x < -745 THEN 0 WHEN x < 709.78 THEN exp(x) END';
CREATE OR REPLACE FUNCTION adql_acos(x float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  'SELECT CASE WHEN abs(x) <= 1 THEN acos(x) END';
CREATE OR REPLACE FUNCTION adql_asin(x float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
  'SELECT CASE WHEN abs(x) <= 1 THEN asin(x) END';
CREATE OR REPLACE FUNCTION adql_power(x float8, y float8) RETURNS float8
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$ BEGIN
     RETURN power(x, y);
   EXCEPTION WHEN numeric_value_out_of_range OR invalid_argument_for_power_function THEN
     RETURN NULL;
   END $$;
CREATE OR REPLACE FUNCTION adql_healpix_index(level int, lon float8, lat float8) RETURNS int8
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS
$$ DECLARE
     nside float8 := 2.0 ^ level;
     z float8 := sin(radians(lat));
     t float8 := (lon - 360 * floor(lon / 360)) / 90;
     east float8; north float8; a int8; b int8; face int8; x int8; y int8; ring float8; pixel int8 := 0;
   BEGIN
     IF abs(lat) > 90 THEN RETURN NULL; END IF;
     IF abs(z) <= 2.0 / 3 THEN
       east := nside * (0.5 + t); north := nside * z * 0.75;
       a := floor(east - north); b := floor(east + north);
       face := CASE WHEN (a >> level) = (b >> level) THEN ((a >> level) & 3) + 4
                    WHEN (a >> level) < (b >> level) THEN (a >> level) & 3
                    ELSE ((b >> level) & 3) + 8 END;
       x := b & (nside::int8 - 1); y := nside::int8 - 1 - (a & (nside::int8 - 1));
     ELSE
       face := least(3, floor(t)); ring := nside * sqrt(6.0) * sin(radians(90 - abs(lat)) / 2);
       a := least(nside - 1, floor((t - face) * ring)); b := least(nside - 1, floor((1 - t + face) * ring));
       IF z > 0 THEN x := nside::int8 - 1 - b; y := nside::int8 - 1 - a;
       ELSE x := a; y := b; face := face + 8; END IF;
     END IF;
     FOR i IN 0 .. level - 1 LOOP
       pixel := pixel | (((x >> i) & 1) << (2 * i)) | (((y >> i) & 1) << (2 * i + 1));
     END LOOP;
     RETURN (face << (2 * level)) | pixel;
   END $$;
"""
"""What a PostgreSQL database must be given once (as its owner): the extension q3c and functions.

Pixels after Gorski et al. 2005 (ApJ 622, 759), section 4, NESTED."""


def register_functions(connection: duckdb.DuckDBPyConnection) -> None:
    """Give a DuckDB database the functions that compiled queries call; once for all its cursors."""
    connection.create_function(
        "adql_healpix_index",
        _healpix_index,
        [INTEGER, DOUBLE, DOUBLE],
        BIGINT,
        type=ARROW,
        null_handling=SPECIAL,
    )
    connection.create_function(
        "adql_cone_pixels",
        _cone_pixels,
        [DOUBLE, DOUBLE, INTEGER],
        "INTEGER[]",
        type=ARROW,
        null_handling=SPECIAL,
    )


def _healpix_index(orders: pa.ChunkedArray, lon: pa.ChunkedArray, lat: pa.ChunkedArray) -> pa.Array:
    pixels, valid = _pixels(lon, lat, orders.to_numpy())
    return pa.array(pixels.astype(np.int64), mask=~valid)


def _cone_pixels(lon: pa.ChunkedArray, lat: pa.ChunkedArray, orders: pa.ChunkedArray) -> pa.Array:
    """Give the pixel of each position and its neighbours."""
    from cdshealpix.nested import neighbours

    if len(lon) == 0:
        return pa.array([], type=pa.list_(pa.int32()))
    order = int(orders[0].as_py())
    pixels, valid = _pixels(lon, lat, np.full(len(lon), order))
    around = neighbours(pixels.astype(np.uint64), order).astype(np.int64)
    around[~valid] = -1
    around.sort(axis=1)
    kept = around >= 0
    kept[:, 1:] &= around[:, 1:] != around[:, :-1]
    offsets = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(around[kept].astype(np.int32)))


def _pixels(lon: Any, lat: Any, orders: NDArray[np.integer]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Give the pixel of each position, and whether it is one."""
    from astropy import units as u
    from astropy.coordinates import Latitude, Longitude
    from cdshealpix.nested import lonlat_to_healpix

    longitudes, latitudes = (np.asarray(each.to_numpy(), dtype=float) for each in (lon, lat))
    valid = np.isfinite(longitudes) & (np.abs(latitudes) <= 90)
    safe_lon, safe_lat = np.where(valid, longitudes, 0.0), np.where(valid, latitudes, 0.0)
    found = lonlat_to_healpix(Longitude(safe_lon, u.deg), Latitude(safe_lat, u.deg), orders.astype(np.uint8))
    return found, valid
