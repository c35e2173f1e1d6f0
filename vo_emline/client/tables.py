"""Rows into other shapes: text for a terminal, HTML for a notebook, Arrow, and files of every kind."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vo_emline.files import write_text
from vo_emline.net.rows import Row, Rows
from vo_emline.tables import Table as Description

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

SHOWN: Final = (
    "candidate_id", "designation", "ra", "dec", "label", "score", "snr_r", "spectral_subclass",
)  # fmt: skip
"""Columns shown where a result has them."""

MAX_COLUMNS: Final = 8
MAX_ROWS: Final = 12
LINE: Final = 80
"""Characters of a line of a description."""

_FORMATS: Final = {
    "ra": ".5f", "dec": ".5f", "score": ".3f", "snr_r": ".1f", "epoch_mjd": ".4f",
    "p_absorption": ".3f", "p_emission": ".3f", "p_double_peak": ".3f",
}  # fmt: skip


def headline(n_rows: int, *, truncated: bool, source: str) -> str:
    """Say in one line what a result is."""
    rows = f"{n_rows} row" + ("" if n_rows == 1 else "s")
    more = " (there are more: the service stopped here)" if truncated else ""
    return f"{rows}{more} from {source}"


def as_text(rows: Rows, head: str, *, max_rows: int = MAX_ROWS) -> str:
    """Draw a result for a terminal; of many rows the first and the last."""
    if not len(rows):
        return head
    names = _brief(rows)
    cut = len(rows) > max_rows
    places = (
        [*range(max_rows // 2), *range(len(rows) - max_rows // 2, len(rows))] if cut else range(len(rows))
    )
    cells = [[_cell(rows, name, place) for name in names] for place in places]
    if cut:
        cells.insert(max_rows // 2, ["..." for _ in names])
    widths = [max(len(text) for text in column) for column in zip(names, *cells, strict=True)]
    lines = [" ".join(name.center(width) for name, width in zip(names, widths, strict=True)).rstrip()]
    lines.append(" ".join("-" * width for width in widths))
    lines += [" ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)) for row in cells]
    hidden = len(rows.names) - len(names)
    note = [f"… and {hidden} more columns in .table"] if hidden else []
    return "\n".join([head, *lines, *note])


def as_html(rows: Rows, head: str, *, max_rows: int = MAX_ROWS) -> str:
    """Draw a result for a notebook, with a link to each spectrum's picture where there is one."""
    names = _brief(rows)
    lines = [f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in names)}</tr>"]
    for row_number, row in zip(range(max_rows), rows, strict=False):
        values = [escape(_cell(rows, name, row_number)) for name in names]
        if row.has("preview_image_url"):
            link = escape(row.text("preview_image_url"), quote=True)
            values[0] = f'<a href="{link}" target="_blank" rel="noopener">{values[0]}</a>'
        lines.append(f"<tr>{''.join(f'<td>{value}</td>' for value in values)}</tr>")
    left = len(rows) - max_rows
    note = f"<p>… and {left} more rows</p>" if left > 0 else ""
    return f"<p><b>{escape(head)}</b></p><table>{''.join(lines)}</table>{note}"


def _brief(rows: Rows) -> list[str]:
    """Choose the columns that fit on a screen."""
    names = [name for name in SHOWN if name in rows]
    return names if len(names) >= 3 else rows.names[:MAX_COLUMNS]


def _cell(rows: Rows, name: str, place: int) -> str:
    value = rows[name][place]
    if value is np.ma.masked:
        return "--"
    pattern = _FORMATS.get(name, "")
    return format(value, pattern) if pattern and isinstance(value, np.floating) else str(value)


class Listing:
    """What a service has: tables, or the columns of one. Prints one after the other, wrapped.

    Parameters
    ----------
    rows
        The rows of TAP_SCHEMA.
    head
        What is listed.
    facts
        Columns whose values stand beside the name, in the first column; `description` stands below.
    """

    def __init__(self, rows: Rows, head: str, facts: Iterable[str]) -> None:
        self._rows = rows
        self._head = head
        self._facts = tuple(facts)

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        """Go through the entries."""
        return iter(self._rows)

    def __getitem__(self, key: int | str) -> Any:
        """Give an entry by its number, or one property of all."""
        return self._rows.row(key) if isinstance(key, int) else self._rows[key]

    def __repr__(self) -> str:
        """Draw the entries for a terminal of 80 characters."""
        lines = [self._head]
        for row in self._rows:
            facts = "  ".join(filter(None, (_fact(row, name) for name in self._facts)))
            lines.append(f"{row[self._rows.names[0]]}  {facts}".rstrip())
            lines += textwrap.wrap(row.text("description"), LINE - 1, initial_indent="    ",
                                   subsequent_indent="    ")  # fmt: skip
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        names = self._rows.names
        lines = [f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in names)}</tr>"]
        lines += [
            f"<tr>{''.join(f'<td>{escape(row.text(name))}</td>' for name in names)}</tr>"
            for row in self._rows
        ]
        return f"<p><b>{escape(self._head)}</b></p><table>{''.join(lines)}</table>"

    @property
    def table(self) -> Table:
        """The entries as an astropy table."""
        return self._rows.to_astropy()


def _fact(row: Row, name: str) -> str:
    return f"{row.text(name)} columns" if name == "n_columns" else row.text(name)


def to_arrow(rows: Rows) -> pa.Table:
    """Turn rows into Arrow: masked values become NULL, units and UCDs field metadata."""
    import pyarrow as pa

    arrays, fields = [], []
    for column, values in zip(rows.columns, rows.values, strict=True):
        mask = np.ma.getmaskarray(values)
        if column.is_text or column.is_array:
            kind = pa.string() if column.is_text else None
            items = [None if masked else value for value, masked in zip(values.data, mask, strict=True)]
            array = pa.array(items, kind)
        else:
            array = pa.array(values.data, mask=mask)
        known = {
            "unit": column.unit, "ucd": column.ucd, "utype": column.utype, "description": column.description,
        }  # fmt: skip
        metadata = {key: text for key, text in known.items() if text} or None
        arrays.append(array)
        fields.append(pa.field(column.name, array.type, metadata=metadata))
    return pa.table(arrays, schema=pa.schema(fields))


def to_csv(rows: Rows) -> str:
    """Write rows as CSV with one line of column names; masked values are empty."""
    texts = [list(map(_csv_value, values.data)) for values in rows.values]
    for column, values in zip(texts, rows.values, strict=True):
        for place in np.flatnonzero(np.ma.getmaskarray(values)):
            column[place] = ""
    lines = [",".join(map(_quoted, rows.names)), *map(",".join, zip(*texts, strict=True))]
    return "\n".join(lines) + "\n"


def _csv_value(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    return str(value) if isinstance(value, np.number) else _quoted(str(value))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def write(rows: Rows, path: Path, *, name: str = "results") -> None:
    """Write rows, in one step, in the format of the suffix.

    Raises
    ------
    UserError
        The suffix is not one of those of :mod:`vo_emline.candidates.output`.
    """
    if path.suffix.lower() == ".csv":
        write_text(path, to_csv(rows))
        return
    from vo_emline.candidates.output import write_table  # slow to import

    described = Description(schema="", name=name, description=rows.description, columns=rows.columns)
    write_table(to_arrow(rows), path, description=described)
