from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from vo_emline.candidates import (
    CANDIDATES,
    PUBLISHED,
    REJECTS,
    SCORES,
    SPECTRA,
    arrow_schema,
    build_release,
    healpix,
)
from vo_emline.errors import UserError
from vo_emline.tables import Table


def rows(table: Table, n: int) -> pa.Table:
    """Distinct values in every stored column but the computed pixel."""
    made: dict[str, pa.Array] = {}
    for column in arrow_schema(table):
        if column.name == "hpx10":
            continue
        values = [f"{column.name}-{i}" for i in range(n)] if pa.types.is_string(column.type) else range(n)
        made[column.name] = pa.array(values).cast(column.type)
    return pa.table(made)


def scores(n: int) -> pa.Table:
    table = rows(SCORES, n)
    labels = pa.array(["absorption", "emission", "double-peak", "absorption"][i % 4] for i in range(n))
    return table.set_column(table.schema.get_field_index("label"), "label", labels)


def test_candidates_are_the_rows_that_are_not_absorption(tmp_path: Path) -> None:
    path = tmp_path / "release.duckdb"
    build_release(path, spectra=rows(SPECTRA, 8), scores=scores(8), rejects=rows(REJECTS, 2))
    with duckdb.connect(str(path), read_only=True) as database:
        counts = {
            table.name: database.sql(f"SELECT count(*) FROM {table.qualified_name}").fetchall()[0][0]
            for table in PUBLISHED
        }
        labels = database.sql("SELECT DISTINCT label FROM emline.candidates ORDER BY 1").fetchall()
    assert counts == {"candidates": 4, "scores": 8, "rejects": 2}
    assert labels == [("double-peak",), ("emission",)]


def test_the_file_is_sorted_by_healpix_pixel(tmp_path: Path) -> None:
    path = tmp_path / "release.duckdb"
    build_release(path, spectra=rows(SPECTRA, 80))
    with duckdb.connect(str(path), read_only=True) as database:
        pixels = [row[0] for row in database.sql("SELECT hpx10 FROM internal.spectra").fetchall()]
    assert pixels == sorted(pixels)
    assert len(set(pixels)) == 80


def test_healpix_of_an_unknown_position_is_null() -> None:
    pixels = healpix(np.array([0.0, np.nan, 10.0]), np.array([0.0, 1.0, np.nan]))
    assert pixels.to_pylist()[1:] == [None, None]
    # order 10 NESTED pixel that holds (0, 0): base cell 4, its southernmost... centre cell
    assert pixels[0].as_py() // 4**10 == 4


def test_a_failed_build_leaves_the_old_release(tmp_path: Path) -> None:
    path = tmp_path / "release.duckdb"
    build_release(path, spectra=rows(SPECTRA, 3))
    before = path.read_bytes()
    twice = pa.concat_tables([rows(SPECTRA, 2), rows(SPECTRA, 1)])
    with pytest.raises(UserError, match="occurs twice"):
        build_release(path, spectra=twice)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["release.duckdb"]


@pytest.mark.parametrize("table", [SPECTRA, SCORES], ids=lambda table: table.name)
def test_a_row_is_found_by_its_identifier_through_an_index(tmp_path: Path, table: Table) -> None:
    path = tmp_path / "release.duckdb"
    build_release(path, spectra=rows(SPECTRA, 80), scores=scores(80))
    with duckdb.connect(str(path), read_only=True) as database:
        query = f"FROM {table.qualified_name} WHERE obs_publisher_did = 'obs_publisher_did-43'"
        plan = "".join(text for _, text in database.sql(f"EXPLAIN ANALYZE {query}").fetchall())
        found = database.sql(f"SELECT obsid {query}").fetchall()
    assert "Index Scan" in plan
    assert found == [(43,)]


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"emline\.scores lack the columns label, p_absorption"):
        build_release(
            tmp_path / "release.duckdb",
            spectra=rows(SPECTRA, 2),
            scores=rows(SCORES, 2).drop_columns(["label", "p_absorption"]),
        )


@pytest.mark.parametrize("table", PUBLISHED, ids=lambda table: table.name)
def test_every_column_is_described(table: Table) -> None:
    names = [column.name for column in table.columns]
    assert len(names) == len(set(names))
    for column in table.columns:
        assert column.description
        assert column.ucd, f"{column.name} has no UCD"
        assert (column.arraysize == "*") == (column.datatype in ("char", "unicodeChar"))


def test_candidates_hold_what_users_ask_for() -> None:
    wanted = "candidate_id obs_publisher_did obsid designation ra dec hpx10 label score snr_r epoch_mjd flags"
    for name in wanted.split():
        assert CANDIDATES[name].name == name
    assert CANDIDATES["ra"].unit == "deg"
