"""A small sky in both databases, and what runs ADQL on it."""

from collections.abc import Callable, Iterator

import duckdb
import numpy as np
import psycopg
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import Latitude, Longitude
from cdshealpix.nested import lonlat_to_healpix

from service.adql import POSTGRESQL_SETUP, compile_query, register_functions
from vo_emline.tables import Column, Table

ROWS = 3000
STARS = Table(
    schema="emline",
    name="stars",
    description="Positions all over the sky",
    columns=(
        Column(name="id", datatype="long", ucd="meta.id;meta.main", description="Identifier"),
        Column(name="ra", datatype="double", unit="deg", ucd="pos.eq.ra;meta.main", description="RA"),
        Column(name="dec", datatype="double", unit="deg", ucd="pos.eq.dec;meta.main", description="Dec"),
        Column(name="hpx10", datatype="int", description="Pixel"),
        Column(name="label", datatype="char", arraysize="*", ucd="src.class", description="Class"),
        Column(name="score", datatype="float", description="Score, some NULL"),
        Column(name="counts", datatype="short", unit="ct", description="Small whole numbers, some 0"),
        Column(name="wave", datatype="double", unit="Angstrom", ucd="em.wl", description="Wavelength"),
        Column(name="seen", datatype="char", arraysize="*", xtype="timestamp", description="When"),
        Column(name="good", datatype="boolean", description="A truth value"),
        Column(name="size", datatype="int", description="A column named by a reserved word"),
    ),
)
TARGETS = Table(
    schema="TAP_UPLOAD",
    name="targets",
    description="An upload",
    columns=(
        Column(name="n", datatype="int", description="Number"),
        Column(name="ra", datatype="double", unit="deg", description="RA"),
        Column(name="dec", datatype="double", unit="deg", description="Dec"),
        Column(name="Name", datatype="unicodeChar", arraysize="*", description="Name"),
        Column(name="spot", datatype="double", arraysize="2", xtype="point", description="A point"),
    ),
)

Rows = list[tuple[object, ...]]
Run = Callable[[str], Rows]


def _stars() -> pa.Table:
    rng = np.random.default_rng(20)
    ra, dec = rng.uniform(0, 360, ROWS), np.degrees(np.arcsin(rng.uniform(-1, 1, ROWS)))
    # A dense field, the poles and the meridian of 0 h are where sky geometry goes wrong.
    ra[:600], dec[:600] = rng.uniform(9, 11, 600), rng.uniform(19, 21, 600)
    ra[600:700], dec[600:700] = rng.uniform(0, 360, 100), rng.uniform(89, 90, 100)
    ra[700:800], dec[700:800] = rng.uniform(359, 361, 100) % 360, rng.uniform(-1, 1, 100)
    pixels = lonlat_to_healpix(Longitude(ra, u.deg), Latitude(dec, u.deg), 10).astype("i4")
    score = rng.uniform(0, 1, ROWS).astype("f4")
    table = pa.table(
        {
            "id": np.arange(ROWS, dtype="i8") + 2**33,
            "ra": ra,
            "dec": dec,
            "hpx10": pixels,
            "label": rng.choice(["emission", "double-peak", "O'Neil's \\ %_"], ROWS),
            "score": pa.array(score, mask=score < 0.05),
            "counts": rng.integers(-4, 5, ROWS).astype("i2"),
            "wave": rng.normal(6564.6, 1, ROWS),
            "seen": [f"2020-01-{day:02d}T12:00:00" for day in rng.integers(1, 29, ROWS)],
            "good": rng.uniform(0, 1, ROWS) > 0.5,
            "size": np.arange(ROWS, dtype="i4") % 7,
        }
    )
    return table.sort_by([("hpx10", "ascending"), ("dec", "ascending")])


def _targets(stars: pa.Table) -> pa.Table:
    rng = np.random.default_rng(21)
    chosen = stars.take(rng.choice(ROWS, 200, replace=False))
    ra = (chosen["ra"].to_numpy() + rng.normal(0, 0.01, 200)) % 360
    dec = np.clip(chosen["dec"].to_numpy() + rng.normal(0, 0.01, 200), -90, 90)
    ra[:20] = ra[20:40]  # repeated positions
    dec[:20] = dec[20:40]
    names = [f"č{i}" for i in range(200)]
    spots = [list(pair) for pair in zip(ra, dec, strict=True)]
    return pa.table({"n": np.arange(200, dtype="i4"), "ra": ra, "dec": dec, "Name": names, "spot": spots})


@pytest.fixture(scope="session")
def stars() -> pa.Table:
    return _stars()


@pytest.fixture(scope="session")
def targets(stars: pa.Table) -> pa.Table:
    return _targets(stars)


@pytest.fixture(scope="session")
def duck(stars: pa.Table, targets: pa.Table) -> Run:
    """Runs ADQL in DuckDB."""
    connection = duckdb.connect(config={"threads": 2})
    connection.register("incoming", stars)
    connection.execute("CREATE SCHEMA emline; CREATE TABLE emline.stars AS SELECT * FROM incoming")
    connection.register("TAP_UPLOAD.targets", targets)
    register_functions(connection)

    def run(query: str) -> Rows:
        compiled = compile_query(query, tables=[STARS], uploads=[TARGETS])
        result = connection.execute(compiled.sql)
        assert [item[0] for item in result.description] == [column.name for column in compiled.columns]
        return result.fetchall()

    return run


@pytest.fixture(scope="session")
def postgres(new_database: Callable[[str], str], stars: pa.Table, targets: pa.Table) -> Iterator[Run]:
    """Runs ADQL in a PostgreSQL database of its own; skips where there is none."""
    with psycopg.connect(new_database("adql"), autocommit=True) as connection:
        _fill(connection, stars, targets)
        yield lambda query: _run(connection, query)


def _fill(connection: psycopg.Connection, stars: pa.Table, targets: pa.Table) -> None:
    try:
        connection.execute(POSTGRESQL_SETUP)
    except psycopg.errors.UndefinedFile:
        pytest.skip("needs the Debian package postgresql-15-q3c")
    connection.execute("CREATE SCHEMA emline")
    types = {"char": "text", "unicodeChar": "text", "boolean": "boolean", "short": "int2", "int": "int4",
             "long": "int8", "float": "float4", "double": "float8"}  # fmt: skip
    for name, table, rows in (('emline."stars"', STARS, stars), ('"TAP_UPLOAD.targets"', TARGETS, targets)):
        columns = ", ".join(
            f'"{column.name}" {types[column.datatype]}{"[]" if column.xtype == "point" else ""}'
            for column in table.columns
        )
        connection.execute(f"CREATE TABLE {name} ({columns})")
        with connection.cursor().copy(f"COPY {name} FROM STDIN") as copy:
            for row in rows.to_pylist():
                copy.write_row(list(row.values()))
    connection.execute("CREATE INDEX ON emline.stars (q3c_ang2ipix(ra, dec)); ANALYZE")


def _run(connection: psycopg.Connection, query: str) -> Rows:
    compiled = compile_query(query, tables=[STARS], uploads=[TARGETS], dialect="postgresql")
    return connection.execute(compiled.sql).fetchall()
