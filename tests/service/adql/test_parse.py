# ruff: noqa: E501 - one query a line
"""What is ADQL 2.1 and what is not, rule by rule (Recommendation, appendix A)."""

import pytest

from service.adql import AdqlError, check_query, compile_query
from vo_emline.candidates.columns import PUBLISHED

VALID = [
    # tokens
    "select A_1 from T -- comment", "SELECT -- 'quote\n a FROM t", "SELECT 'it''s', '', 'a--b' FROM t",
    'SELECT "a ""b""", "select" FROM "my schema"."t"', "SELECT 1., .5, 1e3, 1.E-3, 007 FROM t", "SELECT\ta\r\nFROM t",
    # select list
    "SELECT ALL a FROM t", "SELECT DISTINCT TOP 5 a FROM t", "SELECT t.*, a AS b, a c FROM t", "SELECT *, a FROM t",
    "SELECT s.t.*, s.t.a, c.s.t.a FROM s.t", "SELECT a+b*-c/(d-1) FROM t", "SELECT -(-a), +a FROM t", "SELECT NULL FROM t",
    "SELECT a || 'x' || LOWER(b) FROM t", "SELECT (a) FROM t", "SELECT COUNT(*), COUNT(DISTINCT a), SUM(ALL b) FROM t",
    "SELECT offset FROM t", "SELECT a AS offset FROM t OFFSET 5", "SELECT rand(), rand(3), pi(), round(a), round(a, -2) FROM t",
    # from
    "SELECT a FROM t u, v AS w", "SELECT a FROM t JOIN u ON t.a = u.a JOIN v USING (a, b)", "SELECT a FROM t NATURAL LEFT OUTER JOIN u",
    "SELECT a FROM t FULL JOIN u ON (t.a = u.a)", "SELECT a FROM (t JOIN u USING (a)) JOIN v USING (b)",
    "SELECT a FROM (SELECT a FROM t) AS q, (SELECT b FROM u) r", "SELECT a FROM ((SELECT a FROM t) UNION (SELECT a FROM u)) AS q",
    "SELECT a FROM ((SELECT a FROM t) AS q JOIN u USING (a))", "SELECT a FROM (((t JOIN u USING (a))) JOIN v USING (a))",
    "SELECT a FROM t JOIN u JOIN v ON u.a = v.a ON t.a = u.a", "SELECT a FROM (t JOIN u USING (a)) AS q",
    # where
    "SELECT a FROM t WHERE NOT a = 1 AND (b < 2 OR c >= 3) OR (d)=4", "SELECT a FROM t WHERE ((a)) <> ((b))",
    "SELECT a FROM t WHERE (((a = 1)))", "SELECT a FROM t WHERE a NOT BETWEEN 1 AND 2 AND b = 1", "SELECT a FROM t WHERE a IN (1)",
    "SELECT a FROM t WHERE a NOT IN (SELECT b FROM u)", "SELECT a FROM t WHERE a IN ((SELECT b FROM u) UNION (SELECT c FROM v))",
    "SELECT a FROM t WHERE a IN ((1), (2+3))", "SELECT a FROM t WHERE EXISTS (SELECT * FROM u) AND NOT EXISTS (SELECT * FROM v)",
    "SELECT a FROM t WHERE t.a IS NULL OR b IS NOT NULL", "SELECT a FROM t WHERE a LIKE '%x' AND b NOT ILIKE 'y_'", "SELECT a FROM t WHERE a != b",
    # group, having, order, offset
    "SELECT a, b+1 FROM t GROUP BY a, b+1 HAVING COUNT(*) > 1 ORDER BY 1 DESC, t.a ASC, b+1 OFFSET 0", "SELECT MAX(a) FROM t HAVING MAX(a) > 1",
    # sets and common tables
    "SELECT a FROM t UNION ALL SELECT a FROM u EXCEPT SELECT a FROM v INTERSECT ALL SELECT a FROM w", "(SELECT a FROM t)",
    "((SELECT a FROM t) ORDER BY a) UNION (SELECT TOP 1 a FROM u ORDER BY a OFFSET 2) ORDER BY a",
    "WITH x AS (SELECT a FROM t), y AS (SELECT a FROM x UNION SELECT 1 FROM u) SELECT * FROM x, y",
    # functions
    "SELECT CAST(a AS DOUBLE PRECISION), CAST(a AS VARCHAR(5)), CAST(a AS CHAR), CAST(a AS POLYGON) FROM t",
    "SELECT COALESCE(a), COALESCE(a, b, 1) FROM t", "SELECT IN_UNIT(a, 'km/s') FROM t", "SELECT MOD(a, b), POWER(2, 3), ATAN2(y, x), COT(a) FROM t",
    "SELECT a FROM t WHERE 1 = CONTAINS(p, CIRCLE(q, 1))", "SELECT POINT(1, 2), CIRCLE(POINT(1, 2), 3), BOX('ICRS', 1, 2, 3, 4), BOX(p, 1, 2) FROM t",
    "SELECT POLYGON(p, q, r), POLYGON(1, 2, 3, 4, 5, 6), POLYGON('', 1, 2, 3, 4, 5, 6, 7, 8) FROM t", "SELECT DISTANCE(p, q), DISTANCE(1, 2, 3, 4) FROM t",
    "SELECT AREA(c), CENTROID(c), COORD1(p), COORD2(CENTROID(c)), COORDSYS(p), REGION('circle 1 2 3') FROM t",
    "SELECT ivo_healpix_index(6, ra, dec), ivo_string_agg(a, ','), gavo_match('x', a), ivo_simbadpoint('x') FROM t",
]  # fmt: skip

INVALID = {
    # tokens
    "SELECT a FROM t;": "semicolon", "SELECT 'a FROM t": "does not end", 'SELECT "a FROM t': "does not end", 'SELECT "" FROM t': "empty",
    "SELECT 0x1F FROM t": "hexadecimal", "SELECT 1a FROM t": "run into", "SELECT a & b FROM t": "bitwise", "SELECT a % 2 FROM t": "MOD",
    "SELECT [a] FROM t": "double quotes", "SELECT a::int FROM t": "CAST", "SELECT ‘a’ FROM t": "straight", "SELECT é FROM t": "no meaning",
    "SELECT a FROM t /* x */": "end here", "SELECT a\x00 FROM t": "NUL", "SELECT 1.2.3 FROM t": "run into", "SELECT '\ud800' FROM t": "Unicode",
    # select
    "": "SELECT", "SELECT": "a value", "SELECT a": "FROM", "SELECT 1": "FROM", "SELECT , a FROM t": "a value", "SELECT a, FROM t": "a value",
    "SELECT a b c FROM t": "FROM", "SELECT TOP a FROM t": "whole number", "SELECT TOP 5.0 a FROM t": "whole number", "SELECT TOP (5) a FROM t": "whole number",
    "SELECT TOP 5 DISTINCT a FROM t": "DISTINCT follows", "SELECT a AS size FROM t": "reserved word", "SELECT size FROM t": "reserved word", "SELECT a FROM table": "a table",
    "SELECT a.b.c.d.e FROM t": "at most 4", "SELECT - - a FROM t": "a value", "SELECT a = 1 FROM t": "expected", "SELECT (a = 1) FROM t": "cannot be used as a value",
    "SELECT (SELECT a FROM t) FROM t": "scalar", "SELECT CASE WHEN a = 1 THEN 2 END FROM t": "CASE", "SELECT COUNT(*), , MAX(x) FROM t": "a value",
    "SELECT NULL + 1 FROM t": "FROM", "SELECT 1 + 2 || 'a' FROM t": "arithmetic", "SELECT 'a' 'b' FROM t": "FROM", "SELECT TRUE FROM t": "boolean",
    "SELECT a INTO b FROM t": "expected", "SELECT COUNT(DISTINCT *) FROM t": "a value", "SELECT ABS(DISTINCT a) FROM t": "no DISTINCT", "SELECT a OVER () FROM t": "expected",
    # from
    "SELECT a FROM t u v": "end here", "SELECT a FROM t JOIN u": "ON or USING", "SELECT a FROM t CROSS JOIN u": "comma", "SELECT a FROM (SELECT a FROM t)": "needs a name",
    "SELECT a FROM (t)": "single table", "SELECT a FROM t NATURAL JOIN u ON t.a = u.a": "end here", "SELECT a FROM t JOIN u USING ()": "a column", "SELECT a FROM t LEFT u": "JOIN",
    "SELECT a FROM read_csv('x')": "expected", "SELECT a FROM 'x.csv'": "a table", "SELECT a FROM t AS u(b)": "column names", "SELECT a FROM t,": "a table", "SELECT a FROM x SELECT y": "end here",
    "SELECT a FROM t TABLESAMPLE (10)": "column names", "SELECT a FROM LATERAL (SELECT 1 FROM t) AS q": "a table is", "SELECT a FROM a.b.c.d": "at most 3", "SELECT a FROM t WHERE": "a value",
    # where
    "SELECT a FROM t WHERE a": "needs a condition", "SELECT a FROM t WHERE CONTAINS(a, b)": "1 = CONTAINS", "SELECT a FROM t WHERE a == 1": "write = once", "SELECT a FROM t WHERE a = b = c": "stands alone",
    "SELECT a FROM t WHERE (a = 1) = 1": "cannot be used as a value", "SELECT a FROM t WHERE NOT NOT a = 1": "NOT NOT", "SELECT a FROM t WHERE a IN ()": "a value", "SELECT a FROM t WHERE a + 1 IS NULL": "follows a column",
    "SELECT a FROM t WHERE a LIKE 'x' ESCAPE '\\'": "ESCAPE", "SELECT a FROM t WHERE a BETWEEN 1": "AND", "SELECT a FROM t WHERE a = ALL (SELECT b FROM u)": "EXISTS", "SELECT a FROM t WHERE EXISTS SELECT b FROM u": r"\(",
    "SELECT a FROM t WHERE a = 1 WHERE b = 2": "order of clauses", "SELECT a FROM t WHERE MAX(a) > 1": "HAVING", "SELECT a FROM t WHERE (a = 1": r"\) is expected", "SELECT a FROM t WHERE a = (SELECT b FROM u)": "scalar",
    # the end
    "SELECT a FROM t GROUP a": "BY", "SELECT a FROM t ORDER BY a NULLS FIRST": "NULL values", "SELECT a FROM t OFFSET 1 ORDER BY a": "ORDER", "SELECT a FROM t ORDER BY a ASC DESC": "end here", "SELECT a FROM t OFFSET -1": "whole number",
    "SELECT a FROM t ORDER BY a UNION SELECT a FROM u": "end here", "SELECT a FROM t UNION": "SELECT", "SELECT a FROM t UNION DISTINCT SELECT a FROM u": "SELECT", "SELECT a FROM t UNION (WITH x AS (SELECT a FROM u) SELECT a FROM x)": "before the first SELECT",
    "WITH RECURSIVE x AS (SELECT a FROM t) SELECT a FROM x": "recursive", "WITH x(a) AS (SELECT a FROM t) SELECT a FROM x": "AS", "WITH x AS SELECT a FROM t SELECT a FROM x": r"\(", "SELECT a FROM t MINUS SELECT a FROM u": "MINUS|expected|end here",
    # functions
    "SELECT foo(a) FROM t": "no function", "SELECT abz(a) FROM t": "did you mean ABS", "SELECT dbo.abs(a) FROM t": "a value|expected", "SELECT ABS() FROM t": "takes 1", "SELECT ABS(a, b) FROM t": "takes 1", "SELECT ABS FROM t": "reserved word",
    "SELECT PI(1) FROM t": "takes 0", "SELECT MOD(a) FROM t": "takes 2", "SELECT ROUND(a, b) FROM t": "written out", "SELECT ROUND(a, 1.5) FROM t": "written out", "SELECT RAND(-1) FROM t": "written out", "SELECT ABS('x') FROM t": "must be a number",
    "SELECT LOWER(1) FROM t": "must be a string", "SELECT COALESCE() FROM t": "takes 1 or more", "SELECT CAST(a AS FLOAT) FROM t": "a type", "SELECT CAST(a AS DOUBLE) FROM t": "a type", "SELECT CAST(a AS VARCHAR(0)) FROM t": "length", "SELECT CAST(a, INTEGER) FROM t": "AS",
    "SELECT POINT(1) FROM t": "takes 2", "SELECT POINT('ICRS', 1) FROM t": "takes 2", "SELECT CIRCLE(1, 2) FROM t": "point", "SELECT POLYGON(1, 2, 3, 4) FROM t": "pairs", "SELECT DISTANCE(1, 2, 3) FROM t": "takes 2 or 4", "SELECT COORD1(1) FROM t": "point",
    "SELECT CONTAINS(1, 2) FROM t": "geometry", "SELECT IN_UNIT(a, 'foo') FROM t": "not a unit", "SELECT IN_UNIT(42, 'kg') FROM t": "has a unit", "SELECT IN_UNIT(a, b) FROM t": "written out", "SELECT my_function(a) FROM t": "no function", "SELECT ivo_nonsense(a) FROM t": "no function",
    "SELECT MAX(MIN(a)) FROM t": "within MAX",
}  # fmt: skip


@pytest.mark.parametrize("query", VALID)
def test_valid(query: str) -> None:
    check_query(query, tables=None)


@pytest.mark.parametrize(("query", "said"), INVALID.items())
def test_invalid(query: str, said: str) -> None:
    with pytest.raises(AdqlError, match=said):
        check_query(query, tables=None)


@pytest.mark.parametrize(
    ("query", "line", "column"),
    [
        ("SELECT a\nFROM t\nLIMIT 5", 3, 1),
        ("SELECT foo(a) FROM t", 1, 8),
        ("SELECT a FROM t WHERE  b", 1, 24),
    ],
)
def test_errors_say_where(query: str, line: int, column: int) -> None:
    with pytest.raises(AdqlError) as caught:
        check_query(query, tables=None)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith(f"line {line}, column {column}: ")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT " + "(" * 5000 + "1" + ")" * 5000 + " FROM t",
        "SELECT a FROM t WHERE " + "NOT (" * 3000 + "a = 1" + ")" * 3000,
        "SELECT " + "ABS(" * 2000 + "1" + ")" * 2000 + " FROM t",
        "SELECT a FROM " + "(SELECT a FROM " * 500 + "t" + ") AS q" * 500,
        "SELECT " + "+".join("a" * 2000) + " FROM t",
        "SELECT " + "(" * 30 + "+a".join(["1" + "+a" * 50] + [")"] * 30) + " FROM t",
        " UNION ".join(["SELECT a FROM t"] * 900),
        "SELECT a FROM t" + " JOIN t ON a = b" * 900,
        "SELECT a FROM t WHERE x = '" + "x" * 200_000 + "'",
        "(" * 20_000,
    ],
)
def test_size_and_depth_are_limited(query: str) -> None:
    with pytest.raises(AdqlError):
        check_query(query, tables=None)


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("'a'\n'b'", "ab"), ("'a' -- and\n  'b'", "ab"), ("'it''s'\r\n\t''\n'!'", "it's!"),
        ("'a' --'b'\n", "a"),
    ],
)  # fmt: skip
def test_strings_on_lines_of_their_own_are_one(literal: str, text: str) -> None:
    sql = compile_query(f"SELECT {literal} AS s FROM emline.scores", tables=PUBLISHED).sql
    assert sql.startswith("SELECT CAST('" + text.replace("'", "''") + "' AS VARCHAR)")


def test_long_flat_queries_are_fine() -> None:
    numbers = ", ".join(map(str, range(5000)))
    check_query(f"SELECT a FROM t WHERE a IN ({numbers})", tables=None)
    check_query("SELECT a FROM t WHERE " + " OR ".join(f"a = {i}" for i in range(2000)), tables=None)
