# ruff: noqa: E501 - one query a line
"""The same queries give the same rows on DuckDB and on PostgreSQL with q3c."""

import math
from collections.abc import Callable

import pytest

Rows = list[tuple[object, ...]]
Run = Callable[[str], Rows]

ORDERED = [
    "SELECT TOP 20 id, score FROM emline.stars ORDER BY score DESC, id",
    "SELECT TOP 20 id, score FROM emline.stars ORDER BY score, id OFFSET 2990",
    "SELECT label, COUNT(*) AS n, AVG(score), SUM(counts), MIN(ra), MAX(\"size\") FROM emline.stars GROUP BY label HAVING COUNT(*) > 5 ORDER BY label",
    "SELECT COUNT(DISTINCT label), COUNT(score), COUNT(*) FROM emline.stars",
    "SELECT DISTINCT \"size\" AS s FROM emline.stars ORDER BY s DESC",
    "SELECT id, ivo_healpix_index(6, ra, dec), ivo_healpix_index(14, POINT(ra, dec)) FROM emline.stars ORDER BY 1",
    "SELECT \"size\", ivo_string_agg(label, ',') FROM emline.stars WHERE id < 8589934700 GROUP BY \"size\" ORDER BY 1",
    "WITH a AS (SELECT id, ra FROM emline.stars WHERE ra < 10), b AS (SELECT id FROM a WHERE ra > 5) SELECT a.* FROM a JOIN b USING (id) ORDER BY id",
    "SELECT s.id, t.n FROM emline.stars AS s RIGHT JOIN TAP_UPLOAD.targets AS t ON s.counts = t.n ORDER BY t.n, s.id",
    "SELECT n FROM tap_upload.targets WHERE EXISTS (SELECT * FROM emline.stars AS s WHERE s.\"size\" = n) ORDER BY n",
    "SELECT label, \"Name\" FROM emline.stars AS s JOIN tap_upload.targets AS t ON s.counts = t.n ORDER BY 2, 1",
    "SELECT id FROM emline.stars WHERE ra < 30 EXCEPT SELECT id FROM emline.stars WHERE dec > 0 ORDER BY id",
    "SELECT \"size\" FROM emline.stars UNION SELECT n FROM tap_upload.targets INTERSECT SELECT n FROM tap_upload.targets WHERE n < 10 ORDER BY \"size\"",
    "(SELECT TOP 3 id FROM emline.stars ORDER BY id) UNION ALL (SELECT TOP 3 id FROM emline.stars ORDER BY id DESC) ORDER BY 1",
]  # fmt: skip

PER_ROW = [
    "ra / 7, counts / 3, counts / counts, ra / counts, 7 / 2, -7 / 2",
    "counts * 30000, counts + id, counts - 1.5, -counts, +counts",
    "MOD(counts, 3), MOD(ra, 7.5), MOD(-counts, 2), MOD(counts, 0)",
    "ABS(counts), ABS(dec), CEILING(dec), FLOOR(dec), SQRT(counts), LOG(counts), LOG10(counts), EXP(counts)",
    "ROUND(ra, 2), ROUND(counts + 0.5), ROUND(dec, -1), ROUND(-2.5), TRUNCATE(dec), TRUNCATE(ra, -1)",
    "POWER(counts, 2), POWER(counts, -1), POWER(counts, 0.5), PI(), EXP(1000)",
    "ACOS(counts / 4.0), ASIN(counts), ATAN(dec), ATAN2(dec, ra), COS(ra), SIN(ra), TAN(ra), COT(counts)",
    "DEGREES(ra), RADIANS(dec), IN_UNIT(ra, 'rad'), IN_UNIT(wave, 'nm')",
    "label || '-' || counts, label || CAST(NULL AS VARCHAR), LOWER(label), UPPER(label), COALESCE(score, -1), COALESCE(NULL, label)",
    "CAST(counts AS VARCHAR), CAST('12' AS INTEGER), CAST(ra AS REAL), CAST(label AS CHAR(3)), CAST(NULL AS BIGINT)",
    "CAST('2021-01-14T11:25:00' AS TIMESTAMP), CAST(CAST(seen AS TIMESTAMP) AS VARCHAR), seen",
    "ivo_to_mjd(seen), ivo_to_jd(seen), ivo_nocasematch(label, 'EM%'), ivo_hasword(label, 'PEAK')",
    "ivo_hashlist_has('a#b#emission', label), ivo_interval_overlaps(counts, counts + 1, 0, 2)",
    "POINT(ra, dec), CIRCLE(ra, dec, 1), POLYGON(0, 0, 10, 0, 10, 10), CENTROID(CIRCLE(ra, dec, 1))",
    "COORD1(POINT(ra, dec)), COORD2(POINT('ICRS', ra, dec)), COORDSYS(POINT(ra, dec)), AREA(CIRCLE(ra, dec, 2))",
    "DISTANCE(ra, dec, 10, 20), DISTANCE(POINT(ra, dec), POINT(0, -90)), CONTAINS(POINT(ra, dec), CIRCLE(10, 20, 1))",
    "CAST('1 2' AS POINT), CAST('1 2 3' AS CIRCLE), COORD1(CAST('1 2' AS POINT)), 'it''s', 1e10, .5, 12345678901",
]  # fmt: skip

CONDITIONS = [
    "label LIKE '%''s \\ %'", "label ILIKE 'o%'", "label NOT LIKE '%-%'", "score IS NULL",
    "NOT score > 0.5", "score BETWEEN 0.2 AND 0.4 OR counts NOT IN (1, 2, NULL)", "counts IN (1, 2, 3)",
    "id = '8589934600'", "good = 1", "good = 'F'", "seen > '2020-01-20'",
    "seen BETWEEN CAST('2020-01-05' AS TIMESTAMP) AND CAST('2020-01-06T23:59:59Z' AS TIMESTAMP)",
    "ivo_nocasematch(label, 'EMISSION') = 1 AND (counts > 2 OR counts < -2)", "id IN (SELECT id FROM emline.stars WHERE counts = 4)",
    "1 = CONTAINS(POINT(ra, dec), CIRCLE(10, 20, 0.5))", "CONTAINS(POINT('ICRS', ra, dec), CIRCLE(0.1, 0, 0.7)) = 1",
    "0 = CONTAINS(POINT(ra, dec), CIRCLE(10, 20, 60))", "DISTANCE(ra, dec, 10, 20) < 0.5",
    "DISTANCE(POINT(ra, dec), POINT(10, -89.5)) <= 30", "5 > DISTANCE(120, 89.6, ra, dec)",
    "DISTANCE(ra, dec, 10, 20) >= 170", "1 = CONTAINS(POINT(ra, dec), POLYGON(9.2, 19.2, 10.8, 19.3, 10.1, 20.9))",
    "1 = CONTAINS(POINT(ra, dec), MOC('0/3 2/17-40 5/9000-9400 10/1234567 11/'))", "INTERSECTS(MOC('1/0-30'), POINT(ra, dec)) = 1",
    "0 = CONTAINS(POINT(ra, dec), MOC('3/5 12/100000000-180000000'))", "AREA(MOC('0/0-11')) > 41252.9 AND AREA(MOC('29/')) = 0",
    "1 = CONTAINS(POINT(ra, dec), POLYGON(0, 80, 90, 80, 180, 80, 270, 80))",
    "1 = CONTAINS(POINT(ra, dec), POLYGON(359, -1, 1, -1, 0, 0, 1, 1, 359, 1))",
    "1 = CONTAINS(POINT(ra, dec), BOX(10, 20, 1, 0.5))", "1 = CONTAINS(POINT(ra, dec), BOX(0, 89, 3, 4))",
    "1 = CONTAINS(POINT(ra, dec), BOX(ra, dec + 0.1, 0.1, 0.3)) AND dec < 80",
    "1 = INTERSECTS(CIRCLE(ra, dec, 0.3), POLYGON(9.2, 19.2, 10.8, 19.3, 10.1, 20.9))",
    "1 = CONTAINS(CIRCLE(ra, dec, 0.1), POLYGON(9.2, 19.2, 10.8, 19.3, 10.1, 20.9))",
    "1 = INTERSECTS(CIRCLE(ra, dec, 0.3), CIRCLE(10, 20, 0.2))", "1 = CONTAINS(CIRCLE(ra, dec, 0.3), CIRCLE(10, 20, 1))",
    "1 = INTERSECTS(CIRCLE(10, 20, 0.4), POINT(ra, dec))", "1 = CONTAINS(BOX(10, 20, 1, 1), CIRCLE(ra, dec, 2))",
    "1 = INTERSECTS(BOX(10, 20, 1, 1), POLYGON(10, 20, 30, 20, 30, 30))",
]  # fmt: skip

MATCHES = [
    "TAP_UPLOAD.targets AS t JOIN emline.stars AS s ON DISTANCE(s.ra, s.dec, t.ra, t.dec) < 0.02",
    "TAP_UPLOAD.targets AS t JOIN emline.stars AS s ON 1 = CONTAINS(POINT(s.ra, s.dec), CIRCLE(t.ra, t.dec, 1./60))",
    "emline.stars AS s JOIN TAP_UPLOAD.targets AS t ON DISTANCE(POINT(s.ra, s.dec), t.spot) <= 0.02",
    "TAP_UPLOAD.targets AS t, emline.stars AS s WHERE 0.02 > DISTANCE(POINT(t.ra, t.dec), POINT(s.ra, s.dec))",
    "TAP_UPLOAD.targets AS t LEFT JOIN emline.stars AS s ON DISTANCE(s.ra, s.dec, t.ra, t.dec) < 0.005 AND s.counts > 0",
    "emline.stars AS s RIGHT JOIN TAP_UPLOAD.targets AS t ON DISTANCE(s.ra, s.dec, t.ra, t.dec) < 0.005",
    "TAP_UPLOAD.targets AS t JOIN emline.stars AS s ON DISTANCE(s.ra, s.dec, t.ra, t.dec) < 3 AND t.n < 20",
    "TAP_UPLOAD.targets AS t JOIN emline.stars AS s ON DISTANCE(s.ra, s.dec, t.ra + 0.001, -t.dec) < 2",
    "TAP_UPLOAD.targets AS t JOIN emline.stars AS s ON DISTANCE(s.ra, s.dec, t.ra, t.dec) < t.n / 10000.0",
]  # fmt: skip


def _close(left: object, right: object) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_close, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=2e-7, abs_tol=1e-9)
    return left == right and type(left) is type(right)


def _same(left: Rows, right: Rows) -> None:
    assert len(left) == len(right)
    different = [(a, b) for a, b in zip(left, right, strict=True) if not all(map(_close, a, b))]
    assert not different, different[:3]


@pytest.mark.parametrize("query", ORDERED)
def test_queries(query: str, duck: Run, postgres: Run) -> None:
    rows = duck(query)
    assert rows
    _same(rows, postgres(query))


@pytest.mark.parametrize("items", PER_ROW)
def test_values(items: str, duck: Run, postgres: Run) -> None:
    query = f"SELECT TOP 300 id, {items} FROM emline.stars ORDER BY id"
    rows = duck(query)
    assert len(rows) == 300
    _same(rows, postgres(query))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions(condition: str, duck: Run, postgres: Run) -> None:
    query = f"SELECT id FROM emline.stars WHERE {condition} ORDER BY id"
    rows = duck(query)
    _same(rows, postgres(query))
    assert rows


@pytest.mark.parametrize("sources", MATCHES)
def test_matches(sources: str, duck: Run, postgres: Run) -> None:
    query = f"SELECT t.n, s.id FROM {sources} ORDER BY t.n, s.id"
    rows = duck(query)
    assert len(rows) > 10
    _same(rows, postgres(query))
