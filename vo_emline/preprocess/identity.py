"""Identities of spectra as an Arrow table, one row each."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import fields
from typing import Final

import pyarrow as pa

from vo_emline.spectra.spectrum import Identity

_ARROW: Final = {str: pa.string(), int | None: pa.int64(), float | None: pa.float64()}

IDENTITY_SCHEMA: Final = pa.schema(
    [(field.name, _ARROW[typing.get_type_hints(Identity)[field.name]]) for field in fields(Identity)]
)
"""One column per field of :class:`~vo_emline.spectra.Identity`."""


def identity_table(identities: Sequence[Identity]) -> pa.Table:
    """Make a table of identities."""
    return pa.table(
        {name: [getattr(one, name) for one in identities] for name in IDENTITY_SCHEMA.names},
        schema=IDENTITY_SCHEMA,
    )


def identity_at(table: pa.Table, row: int) -> Identity:
    """Give the identity in one row of a table."""
    return Identity(**table.select(IDENTITY_SCHEMA.names).slice(row, 1).to_pylist()[0])
