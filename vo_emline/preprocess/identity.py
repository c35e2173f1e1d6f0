"""Identities and coverage of spectra as Arrow tables, one row each."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Final

import pyarrow as pa

from vo_emline.spectra.spectrum import Coverage, Identity

_ARROW: Final = {
    str: pa.string(),
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    int | None: pa.int64(),
    float | None: pa.float64(),
}


def _schema(described: type[Identity | Coverage]) -> pa.Schema:
    hints = typing.get_type_hints(described)
    return pa.schema([(field.name, _ARROW[hints[field.name]]) for field in fields(described)])


IDENTITY_SCHEMA: Final = _schema(Identity)
"""One column per field of :class:`~vo_emline.spectra.Identity`."""

COVERAGE_SCHEMA: Final = _schema(Coverage)
"""One column per field of :class:`~vo_emline.spectra.Coverage`."""


def identity_table(identities: Sequence[Identity]) -> pa.Table:
    """Make a table of identities."""
    return _table(identities, IDENTITY_SCHEMA)


def coverage_table(coverages: Sequence[Coverage]) -> pa.Table:
    """Make a table of what files hold."""
    return _table(coverages, COVERAGE_SCHEMA)


def identity_at(table: pa.Table, row: int) -> Identity:
    """Give the identity in one row of a table."""
    return Identity(**table.select(IDENTITY_SCHEMA.names).slice(row, 1).to_pylist()[0])


def _table(rows: Sequence[Identity] | Sequence[Coverage], schema: pa.Schema) -> pa.Table:
    columns = zip(*map(attrgetter(*schema.names), rows), strict=True) if rows else [[]] * len(schema)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.table(arrays, schema=schema)
