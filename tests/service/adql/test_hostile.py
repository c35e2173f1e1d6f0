# ruff: noqa: E501 - one query a line
"""Whatever is sent, the answer is an error or SQL that reads known tables by known functions."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from service.adql import AdqlError, compile_query, register_functions
from vo_emline.candidates.columns import PUBLISHED
from vo_emline.tables import Column, Table

UPLOAD = Table(
    schema="TAP_UPLOAD", name="t", description="",
    columns=tuple(Column(name=name, datatype="double", description="") for name in ("ra", "dec")),
)  # fmt: skip
PARSER = duckdb.connect()
TABLES = {table.qualified_name for table in PUBLISHED} | {"TAP_UPLOAD.t"}
OPERATORS = ["+", "-", "*", "/", "//", ">>", "||", "~~", "~~*", "!~~", "!~~*", "%"]
FUNCTIONS = frozenset(
    [
        "abs",
        "acos",
        "adql_cone_pixels",
        "adql_healpix_index",
        "asin",
        "atan",
        "atan2",
        "avg",
        "ceiling",
        "cos",
        "count",
        "count_star",
        "date_part",
        "degrees",
        "exp",
        "floor",
        "left",
        "list_value",
        "ln",
        "log10",
        "lower",
        "max",
        "min",
        "mod",
        "nullif",
        "pi",
        "position",
        "power",
        "radians",
        "random",
        "regexp_replace",
        "round",
        "sin",
        "split_part",
        "sqrt",
        "strftime",
        "string_agg",
        "string_split",
        "sum",
        "tan",
        "trunc",
        "unnest",
        "upper",
        "array_extract",
    ]
)
"""What the SQL may call, by the names that DuckDB's parser gives."""
SEEDS = [
    "SELECT TOP 10 * FROM emline.candidates WHERE 1 = CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 10, 20, 0.5)) ORDER BY score DESC",
    "SELECT label, COUNT(*) AS n, AVG(score) FROM emline.scores WHERE snr_r BETWEEN 5 AND 1e2 GROUP BY label HAVING COUNT(*) > 3 ORDER BY n OFFSET 2",
    "WITH a AS (SELECT ra, dec AS d FROM emline.candidates), b AS (SELECT * FROM a) SELECT a.ra, b.d || 'x' FROM a LEFT OUTER JOIN b ON a.ra = b.ra",
    "SELECT c.*, DISTANCE(t.ra, t.dec, c.ra, c.dec) AS sep FROM TAP_UPLOAD.t AS t JOIN emline.candidates c ON DISTANCE(t.ra, t.dec, c.ra, c.dec) < 1./60",
    "SELECT ra FROM emline.scores WHERE label IN ('a', 'b''c') AND NOT (obsid IS NOT NULL OR designation ILIKE '%x_') UNION ALL (SELECT TOP 1 dec FROM emline.candidates)",
    "SELECT CAST(ra AS VARCHAR(5)), COALESCE(score, 1), IN_UNIT(ra, 'rad'), ivo_healpix_index(5, ra, dec), \"label\" FROM emline.scores -- note\nWHERE EXISTS (SELECT * FROM emline.candidates)",
    "SELECT POLYGON(1, 2, 3, 4, 5, 6), BOX(1, 2, 3, 4), AREA(CIRCLE(1, 2, 3)), ROUND(ra, -2), MOD(hpx10, 3) / 2 FROM (emline.candidates JOIN emline.scores USING (candidate_id)) AS q",
]
FRAGMENTS = [
    ";", "--", "/*", "*/", "'", '"', "''", "(", ")", ",", ".", "*", "::", "$1", "?", "@x", "{}", "[1]", "\\", "\x00", "%", "||", "=", "<", "> ", "\n",
    "read_csv('/etc/passwd')", "'/etc/passwd'", '"/etc/passwd"', "duckdb_settings()", "PRAGMA version", "ATTACH 'x'", "COPY emline.scores TO 'x'", "INSTALL httpfs",
    "information_schema.tables", "sqlite_master", "query('SELECT 1')", "query_table('x')", "getenv('HOME')", "SELECT", "FROM", "WHERE", "UNION", "TOP 5", "LIMIT 1", "OFFSET 3",
    "NULL", "1e309", "99999999999999999999", "internal.spectra", "release.internal.spectra", "pg_sleep(10)", "CASE WHEN", "struct_pack(a := 1)", "x -> x", "COLUMNS(*)", "é", "\ud800", "ABS(", "NOT", "AND",
]  # fmt: skip
ATTACKS = [
    "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'", 'SELECT * FROM "/etc/passwd"', "SELECT * FROM read_parquet('http://x/y')",
    "SELECT * FROM duckdb_settings()", "SELECT * FROM information_schema.tables", "SELECT * FROM sqlite_master", "SELECT * FROM pg_catalog.pg_tables", "SELECT * FROM query('SELECT 1')",
    "SELECT query('x') FROM emline.scores", "SELECT getenv('HOME') FROM emline.scores", "SELECT current_setting('x') FROM emline.scores", "SELECT nextval('x') FROM emline.scores",
    "PRAGMA database_list", "ATTACH 'x.db' AS x", "COPY emline.scores TO '/tmp/x'", "INSTALL httpfs", "LOAD httpfs", "SET memory_limit = '1TB'", "CALL pragma_version()", "EXPORT DATABASE 'x'",
    "SELECT 1 FROM emline.scores; DROP TABLE emline.scores", "DROP TABLE emline.scores", "DELETE FROM emline.scores", "CREATE TABLE x AS SELECT ra FROM emline.scores", "EXPLAIN SELECT ra FROM emline.scores",
    "SELECT {'a': 1} FROM emline.scores", "SELECT [1, 2] FROM emline.scores", "SELECT ra::VARCHAR FROM emline.scores", "SELECT x -> x FROM emline.scores", "SELECT $1 FROM emline.scores", "SELECT COLUMNS(*) FROM emline.scores",
    "SELECT * EXCLUDE (ra) FROM emline.scores", "SELECT * REPLACE (1 AS ra) FROM emline.scores", "FROM emline.scores", "SELECT ra FROM emline.scores USING SAMPLE 5", "VALUES (1)", "TABLE emline.scores", "SELECT rowid FROM emline.scores",
    "SELECT ra FROM internal.spectra", "SELECT path FROM emline.scores", "SELECT ra FROM range(10)", "SELECT ra FROM emline.scores, generate_series(1, 10)", "WITH x AS (DELETE FROM emline.scores) SELECT ra FROM x", "SELECT 'a' COLLATE nocase FROM emline.scores",
    "SELECT E'\\x41' FROM emline.scores", "SELECT $$a$$ FROM emline.scores", "SELECT ra FROM emline.scores WHERE label SIMILAR TO 'a'", "SELECT ra FROM emline.scores WHERE label ~ 'a'", "SELECT __lon FROM emline.scores",
]  # fmt: skip


def parsed(sql: str) -> dict[str, Any]:
    """Read the SQL as the database does."""
    quoted = "'" + sql.replace("'", "''") + "'"
    found: dict[str, Any] = json.loads(PARSER.execute(f"SELECT json_serialize_sql({quoted})").fetchone()[0])
    assert found["error"] is False, (found, sql)
    (statement,) = found["statements"]
    assert isinstance(statement, dict)
    return statement


def parts(tree: object) -> Iterator[dict[str, Any]]:
    """Give every node of a tree of the database's parser."""
    if isinstance(tree, dict):
        yield tree
    for below in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from parts(below)


def require_harmless(sql: str) -> None:
    """Check every table and function that the database's own parser finds in the SQL."""
    nodes = list(parts(parsed(sql)))
    common = {entry["key"] for node in nodes if "cte_map" in node for entry in node["cte_map"]["map"]}
    for node in nodes:
        assert node.get("type") not in {"TABLE_FUNCTION", "SHOW_REF", "PIVOT", "EXPRESSION_LIST"}, sql
        if node.get("type") == "BASE_TABLE":
            name = ".".join(filter(None, (node["catalog_name"], node["schema_name"], node["table_name"])))
            assert name in TABLES or name in common, sql
        if "function_name" in node:
            assert node["function_name"] in FUNCTIONS or node["function_name"] in OPERATORS, (node, sql)


class Judge:
    """Compiles queries and checks what comes out; what has been checked once is not checked again."""

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._database = database
        self._checked: set[str] = set()

    def accepts(self, query: str) -> bool:
        """Tell whether a query is accepted; if so, its SQL must be harmless and one the database understands."""
        try:
            compiled = compile_query(query, tables=PUBLISHED, uploads=[UPLOAD])
        except AdqlError:
            return False
        names = [column.name.lower() for column in compiled.columns]
        assert len(names) == len(set(names)) > 0
        assert compiled.tables <= TABLES
        if compiled.sql not in self._checked:
            self._checked.add(compiled.sql)
            require_harmless(compiled.sql)
            self._database.execute("EXPLAIN " + compiled.sql)
        return True


@pytest.fixture(scope="module")
def judge() -> Judge:
    """Judges against an empty database with the published tables."""
    database = duckdb.connect(config={"threads": 1})
    database.execute("CREATE SCHEMA emline")
    for table in (*PUBLISHED, UPLOAD):
        columns = ", ".join(f'"{column.name}" {column.sql_type}' for column in table.columns)
        name = '"TAP_UPLOAD.t"' if table is UPLOAD else table.qualified_name
        database.execute(f"CREATE TABLE {name} ({columns})")
    register_functions(database)
    return Judge(database)


def mutations(seed: int, count: int) -> Iterator[str]:
    """Give broken and half-broken queries: tokens dropped, doubled, exchanged, strewn in, cut, spliced."""
    rng = random.Random(seed)
    tokens = [re.findall(r"\w+|\s+|[^\w\s]", query) for query in SEEDS]
    words = [token for query in tokens for token in query]
    for _ in range(count):
        query = list(rng.choice(tokens))
        for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
            place = rng.randrange(len(query))
            match rng.randrange(7):
                case 0:
                    del query[place : place + rng.choice((1, 1, 3))]
                case 1:
                    query.insert(place, query[place])
                case 2:
                    query[place] = rng.choice(words)
                case 3:
                    query.insert(place, rng.choice(FRAGMENTS))
                case 4:
                    query[place] = query[place].swapcase()
                case 5:
                    other = rng.choice(tokens)
                    query = query[:place] + other[rng.randrange(len(other)) :]
                case _:
                    query[place] = " ".join((query[place], rng.choice(FRAGMENTS)))
            query = query or [" "]
        yield "".join(query)


@pytest.mark.parametrize("query", ATTACKS)
def test_attacks_are_refused(query: str) -> None:
    with pytest.raises(AdqlError):
        compile_query(query, tables=PUBLISHED, uploads=[UPLOAD])


@pytest.mark.parametrize("query", SEEDS)
def test_the_seeds_themselves_are_good(query: str, judge: Judge) -> None:
    assert judge.accepts(query)


@pytest.mark.parametrize(("seed", "count"), [(1, 5_000), pytest.param(2, 50_000, marks=pytest.mark.slow)])
def test_mutations_are_refused_or_harmless(seed: int, count: int, judge: Judge) -> None:
    accepted = sum(judge.accepts(query) for query in mutations(seed, count))
    assert 0.02 * count < accepted < 0.8 * count


@pytest.mark.parametrize(
    "text", ["' OR 1=1 --", "'; DROP TABLE x; --", "\\'", "\n--\n", "$$", "/* */", "–", "\u2028"]
)
def test_strings_stay_strings(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    sql = compile_query(f"SELECT {quoted} AS s FROM emline.scores", tables=PUBLISHED).sql
    require_harmless(sql)
    (literal,) = [node for node in parts(parsed(sql)) if node.get("class") == "CONSTANT"]
    assert literal["literal"] == {"kind": "STRING", "text": text}


@pytest.mark.parametrize("name", ['a" FROM x --', "'", "--", "a.b", " "])
def test_names_stay_names(name: str) -> None:
    delimited = '"' + name.replace('"', '""') + '"'
    compiled = compile_query(
        f"SELECT ra AS {delimited} FROM emline.scores AS {delimited} ORDER BY {delimited}", tables=PUBLISHED
    )
    assert compiled.columns[0].name == name
    require_harmless(compiled.sql)


def test_nested_geometry_cannot_explode() -> None:
    query = "ra"
    for _ in range(12):
        query = (
            f"DISTANCE({query}, {query}, {query}, {query})"
            if len(query) < 500
            else f"DISTANCE(1, {query}, 2, 3)"
        )
    with pytest.raises(AdqlError, match=r"too complex|characters|nested"):
        compile_query(f"SELECT {query} FROM emline.scores", tables=PUBLISHED)
