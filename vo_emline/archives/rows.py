"""Tables from JSON rows whose numbers are written as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from astropy.table import MaskedColumn, Table


def table_of_rows(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Make a table of rows.

    Columns whose values are all numbers, or text that reads as numbers, become
    numeric; nulls are masked.

    Parameters
    ----------
    rows
        One mapping per row; the first one tells the columns.
    """
    if not rows:
        return Table()
    return Table([_column(name, [row.get(name) for row in rows]) for name in rows[0]])


def _column(name: str, values: Sequence[Any]) -> MaskedColumn:
    null = [value is None or value == "" for value in values]
    for kind, filler in ((int, 0), (float, np.nan), (str, "")):
        try:
            data = [filler if gone else kind(value) for value, gone in zip(values, null, strict=True)]
        except (TypeError, ValueError):
            continue
        if kind is int and any(isinstance(value, float) for value in values):
            continue
        return MaskedColumn(data, name=name, mask=null)
    raise AssertionError("unreachable")
