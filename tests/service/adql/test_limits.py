"""What is large ends in an error that says so, soon; what is only long is answered."""

import math
import time

import pytest

from service.adql import AdqlError, compile_query
from vo_emline.candidates.columns import PUBLISHED

SECONDS = 5
"""CPU that compiling may take at most; most of what is here takes a hundredth."""


def doubling(levels: int, what: str) -> str:
    tables = ["a0 AS (SELECT ra, obsid FROM emline.scores)"]
    for level in range(1, levels):
        tables.append(f"a{level} AS ({what.format(before=f'a{level - 1}')})")
    return f"WITH {', '.join(tables)} SELECT * FROM a{levels - 1}"


def polygon(vertices: int, form: str = "POLYGON({})", separator: str = ", ") -> str:
    angles = [2 * math.pi * place / vertices for place in range(vertices)]
    positions = ((100 + 5 * math.cos(angle), 20 + 5 * math.sin(angle)) for angle in angles)
    region = form.format(separator.join(f"{number:.3f}" for position in positions for number in position))
    return f"SELECT ra FROM emline.scores WHERE 1 = CONTAINS(POINT(ra, dec), {region})"


FROM_C = "SELECT ra FROM emline.candidates AS c WHERE "
EXISTS = "EXISTS (SELECT 1 FROM emline.scores AS s WHERE s.obsid = c.obsid)"
UNION = " UNION ".join(["SELECT ra FROM emline.scores"] * 50)
NINES = "9" * 5000


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (doubling(30, "SELECT *, * FROM {before}"), "more than 1000 columns"),
        (doubling(30, "SELECT x.ra, y.obsid FROM {before} AS x, {before} AS y"), "more than 100 tables"),
        ("SELECT " + ", ".join(["*"] * 200) + " FROM emline.scores", "more than 1000 columns"),
        (FROM_C + " AND ".join([EXISTS] * 300), "more than 100 tables"),
        (" UNION ".join([f"({UNION})"] * 40), "more than 100 tables"),
        (polygon(4000), "at most 500 vertices"),
        (polygon(4000, "CAST('{}' AS POLYGON)", " "), "at most 500 vertices"),
        (" OR ".join([polygon(100)] + ["1 = " + polygon(100).split("1 = ")[1]] * 20), "too complex"),
        ("SELECT ra FROM emline.scores WHERE ra IN (" + ",".join("1" * 45_000) + ")", "more than 40000"),
        (f"SELECT {NINES} FROM emline.scores", "is too large"),
        (f"SELECT -{NINES}.5 FROM emline.scores", "is too large"),
        (f"SELECT ROUND(ra, {NINES}) FROM emline.scores", "is too large"),
        (f"SELECT TOP {NINES} ra FROM emline.scores", "too large"),
        (f"SELECT ra FROM emline.scores ORDER BY {NINES}", "selects 1 columns"),
        (f"SELECT ra FROM emline.scores GROUP BY {NINES}", "selects 1 columns"),
        (f"SELECT ra FROM emline.scores WHERE ra = '{NINES}'", "cannot equal numbers"),
        (f"SELECT CAST(ra AS CHAR({NINES})) FROM emline.scores", "too large"),
        (f"SELECT CAST('{NINES} 1' AS POINT) FROM emline.scores", "no point in DALI form"),
        (f"SELECT ra FROM emline.scores WHERE DISTANCE(ra, dec, 1, 2) < {NINES}", "is too large"),
        ("SELECT ra FROM emline.scores WHERE DISTANCE(ra, dec, 1, 2020) < 1", "the latitude 2020"),
        ("SELECT CAST('nan 0 1' AS CIRCLE) FROM emline.scores", "no circle in DALI form"),
    ],
    ids=lambda value: value[:40],
)  # fmt: skip
@pytest.mark.parametrize("dialect", ["duckdb", "postgresql"])
def test_what_is_too_large_is_refused_soon(query: str, said: str, dialect: str) -> None:
    start = time.process_time()
    with pytest.raises(AdqlError, match=said) as caught:
        compile_query(query, tables=PUBLISHED, dialect=dialect)  # type: ignore[arg-type]
    assert time.process_time() - start < SECONDS
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "query",
    [
        doubling(6, "SELECT x.ra, y.obsid FROM {before} AS x JOIN {before} AS y ON x.obsid = y.obsid"),
        FROM_C + " AND ".join([EXISTS] * 90),
        polygon(400),
        "SELECT *, * FROM emline.scores",
        f"SELECT ra FROM emline.scores WHERE ra = {'0' * 5000}1 AND ra = '{'0' * 5000}1'",
        "SELECT " + " * ".join(["9" * 18] * 50) + " FROM emline.scores",
        "SELECT ra FROM emline.scores WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE(1, 2, "
        + "* 0.1 *".join(["9" * 18] * 20) + " * 0))",
    ],
    ids=lambda value: value[:40],
)  # fmt: skip
def test_what_is_only_long_is_compiled(query: str) -> None:
    start = time.process_time()
    compile_query(query, tables=PUBLISHED)
    assert time.process_time() - start < SECONDS
