"""PostgreSQL: the index of the extension q3c, and the functions that a database must be given."""

from __future__ import annotations

from typing import Final

from service.adql.write.dialects import Database
from service.adql.write.predicates import EDGE, Predicates, distance, position
from service.adql.write.shapes import Part, pixel_index
from service.adql.write.spherical import SphericalPolygon, lon_lat

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
CREATE OR REPLACE FUNCTION url_encode(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT coalesce(string_agg(
     CASE WHEN place ~ '[A-Za-z0-9_.~-]' THEN place
          ELSE upper(regexp_replace(encode(convert_to(place, 'UTF8'), 'hex'), '(..)', '%\\1', 'g')) END,
     '' ORDER BY number), '')
   FROM unnest(string_to_array(words, NULL)) WITH ORDINALITY AS places(place, number) $$;
CREATE OR REPLACE FUNCTION regexp_extract(words text, pattern text, part int DEFAULT 0) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT coalesce(regexp_substr(words, pattern, 1, 1, '', part), '') $$;
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


class IndexedPredicates(Predicates):
    """Conditions that the index of q3c answers."""

    def near(self, point: tuple[Part, ...], centre: tuple[Part, ...], radius: Part, *, strict: bool) -> str:
        """Use the index of q3c where one side is constant or indexed, then the exact distance."""
        indexed = point[0].constant is not None or pixel_index(point[0], point[1]) is not None
        if centre[0].constant is None and indexed:
            point, centre = centre, point
        size = f"CAST({radius.sql} AS float8) + {EDGE}"
        exact = f"{distance(point, centre)} {'<' if strict else '<='} {radius.sql}"
        return f"({_q3c(point, centre, size)} AND {exact})"

    def covering(self, point: tuple[Part, ...], outline: SphericalPolygon, radius: float) -> list[str]:
        """Give the circle about the polygon."""
        lon, lat = lon_lat(outline.centre)
        return [_q3c(point, position(lon, lat), repr(radius + EDGE))]


def _q3c(point: tuple[Part, ...], centre: tuple[Part, ...], size: str) -> str:
    function = "q3c_radial_query" if centre[0].constant is not None else "q3c_join"
    return f"{function}({', '.join(part.sql for part in (*point[:2], *centre[:2]))}, {size})"


POSTGRESQL: Final = Database(
    dialect="postgresql",
    predicates=IndexedPredicates(),
    timestamp_text="to_char({0}, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS')",
    text_split="CAST(string_to_array({0}, ' ') AS float8[])",
    array="CAST(ARRAY[{0}] AS float8[])",
    like=" ESCAPE ''",
    divide_whole="(CAST({0} AS int8) / nullif({1}, 0))",
    pixel_joins=False,
)
"""How PostgreSQL says things."""
