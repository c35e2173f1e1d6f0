"""The spectra of every star in one row with it, as LSDB and nested-pandas read them.

A nested column is a struct of lists of one length, a list for each column of the spectra (the layout that
``nested_pandas.NestedDtype`` and LSDB take for a nested frame). The spectra of a star stand in the order of
time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from vo_emline.candidates.columns import EPOCHS, OBJECTS, SCORES
from vo_emline.candidates.database import identifier
from vo_emline.tables import Column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NESTED: Final = "spectra"
"""Name of the nested column."""

_TABLE: Final = "temp.spectra_of_stars"
_OF_STAR: Final = ("object_id", "candidate_id", "epoch_mjd")
COLUMNS: Final[tuple[Column, ...]] = (
    *(column for column in EPOCHS.stored if column.name not in _OF_STAR),
    *(column for column in SCORES.stored if column.name != "hpx10"),
)
"""Columns of the spectra: those of ``emline.scores``, and survey and separation of ``emline.epochs``."""


def nested_field(fields: list[pa.Field]) -> pa.Field:
    """Give the nested column of these fields, each with its metadata."""
    lists = [field.with_type(pa.list_(field.type)) for field in fields]
    return pa.field(NESTED, pa.struct(lists), metadata={"description": SCORES.description})


def gather_spectra(database: DuckDBPyConnection) -> None:
    """Put the spectra of all stars in the order of the sky, once, on the disk where they are many.

    Parameters
    ----------
    database
        A release.
    """
    of_spectrum = {column.name for column in SCORES.stored}
    columns = ", ".join(
        f"{'s' if one.name in of_spectrum else 'e'}.{identifier(one.name)}" for one in COLUMNS
    )
    database.execute(
        f"CREATE TEMP TABLE {_TABLE.partition('.')[2]} AS "  # noqa: S608 - names of ours
        f"SELECT o.hpx10 AS place, o.object_id, {columns} FROM {EPOCHS.qualified_name} e "
        f"JOIN {OBJECTS.qualified_name} o USING (object_id) "
        f"JOIN {SCORES.qualified_name} s USING (candidate_id) WHERE o.hpx10 IS NOT NULL ORDER BY place"
    )


def nested_select(columns: str) -> str:
    """Give SQL for stars between two pixels (two parameters) with their spectra; see :func:`gather_spectra`.

    Parameters
    ----------
    columns
        Columns of the stars.
    """
    order = "ORDER BY epoch_mjd, candidate_id"
    lists = ", ".join(f"{identifier(one.name)} := list({identifier(one.name)} {order})" for one in COLUMNS)
    return (
        f"SELECT {columns}, {NESTED} FROM {OBJECTS.qualified_name} JOIN ("  # noqa: S608 - names of ours
        f"SELECT object_id, struct_pack({lists}) AS {NESTED} FROM {_TABLE} "
        "WHERE place BETWEEN $1 AND $2 GROUP BY object_id) USING (object_id) WHERE hpx10 BETWEEN $1 AND $2"
    )
