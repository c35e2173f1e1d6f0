"""Writing a described table as CSV, VOTable, Parquet, FITS or ECSV, by the suffix of the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from vo_emline.candidates.votable import write_votable
from vo_emline.errors import UserError
from vo_emline.files import atomic_path
from vo_emline.tables import Column, Table

if TYPE_CHECKING:
    from astropy.table import Table as AstropyTable

_SPELT: Final = str.maketrans({"Å": "Angstrom", "–": "-", "−": "-", "α": "alpha"})
"""Characters of our own texts in ASCII."""


def write_table(rows: pa.Table, path: Path, *, description: Table) -> None:
    """Write `rows` to `path` in one step; the suffix chooses the format.

    Parameters
    ----------
    rows
        At least the columns of `description`, in any order.
    path
        ``.csv``, ``.vot``/``.xml``/``.votable``, ``.parquet``, ``.fits`` or ``.ecsv``.
    description
        Names, units, UCDs and texts, which go into every format that can hold them.

    Raises
    ------
    UserError
        The suffix is none of these.
    """
    writer = output_writer(path)
    names = [column.name for column in description.columns if column.name in rows.column_names]
    with atomic_path(path) as temporary:
        writer(rows.select(names), temporary, description)


def output_writer(path: Path) -> Callable[[pa.Table, Path, Table], None]:
    """Give the writer for the suffix of `path`, so that a wrong one is refused before the work begins.

    Raises
    ------
    UserError
        The suffix is not known.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise UserError(
            f"{path}: cannot write {path.suffix or 'a file without suffix'}; use {', '.join(_WRITERS)}"
        )
    return writer


def to_astropy(rows: pa.Table, description: Table) -> AstropyTable:
    """Turn `rows` into an astropy table with units, UCDs and descriptions; NULLs are masked (text: empty)."""
    from astropy.table import Table as AstropyTable

    table = AstropyTable(masked=True)
    for name in rows.column_names:
        column = description[name]
        table[name] = _masked(rows[name], column)
        table[name].unit = column.unit
        table[name].description = column.description
        table[name].meta["ucd"] = column.ucd
    return table


def described_schema(schema: pa.Schema, description: Table) -> pa.Schema:
    """Give `schema` with the unit, UCD and text of each column in the metadata of its field."""
    fields = []
    for field in schema:
        column = description[field.name]
        facts = {"unit": column.unit, "ucd": column.ucd, "description": column.description}
        fields.append(field.with_metadata({key: text for key, text in facts.items() if text}))
    return pa.schema(fields)


def _masked(values: pa.ChunkedArray, column: Column) -> Any:
    if column.arraysize is not None:
        return np.ma.array([value or "" for value in values.to_pylist()], dtype=str)
    null = np.asarray(values.is_null())
    filled = values.fill_null(0).to_numpy()
    return np.ma.array(filled, mask=null)


def _write_csv(rows: pa.Table, path: Path, _: Table) -> None:
    from pyarrow import csv

    csv.write_csv(rows, path, csv.WriteOptions(quoting_style="needed"))


def _write_parquet(rows: pa.Table, path: Path, description: Table) -> None:
    from pyarrow import parquet

    parquet.write_table(rows.cast(described_schema(rows.schema, description)), path, compression="zstd")


def _write_votable(rows: pa.Table, path: Path, description: Table) -> None:
    write_votable(rows.to_batches(), path, description, names=rows.column_names)


def _write_ecsv(rows: pa.Table, path: Path, description: Table) -> None:
    to_astropy(rows, description).write(path, format="ascii.ecsv", overwrite=True)


def _write_fits(rows: pa.Table, path: Path, description: Table) -> None:
    """Write FITS, whose text is ASCII (FITS 4.0, section 7.3.1): other characters as ``\\xe9``."""
    for index, field in enumerate(rows.schema):
        if field.type == pa.string():
            texts = [_ascii(text or "") for text in rows[index].to_pylist()]
            rows = rows.set_column(index, field, pa.array(texts, pa.string()))
    to_astropy(rows, description).write(path, format="fits", overwrite=True)


def _ascii(text: str) -> str:
    return text.translate(_SPELT).encode("ascii", "backslashreplace").decode()


_WRITERS: dict[str, Callable[[pa.Table, Path, Table], None]] = {
    ".csv": _write_csv,
    ".vot": _write_votable,
    ".votable": _write_votable,
    ".xml": _write_votable,
    ".parquet": _write_parquet,
    ".fits": _write_fits,
    ".ecsv": _write_ecsv,
}
