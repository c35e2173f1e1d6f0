"""How results look on a terminal and in a notebook."""

from __future__ import annotations

from html import escape
from typing import Final

from astropy.table import Table

SHOWN: Final = (
    "candidate_id", "designation", "ra", "dec", "label", "score", "snr_r", "spectral_subclass",
)  # fmt: skip
"""Columns shown where a result has them."""

MAX_COLUMNS: Final = 8
MAX_ROWS: Final = 12

_FORMATS: Final = {
    "ra": ".5f", "dec": ".5f", "score": ".3f", "snr_r": ".1f", "epoch_mjd": ".4f",
    "p_absorption": ".3f", "p_emission": ".3f", "p_double_peak": ".3f",
}  # fmt: skip


def brief(table: Table) -> Table:
    """Give the columns that fit on a screen, formatted."""
    names = [name for name in SHOWN if name in table.colnames]
    if len(names) < 3:
        names = table.colnames[:MAX_COLUMNS]
    shown = table[names]
    for name in names:
        if name in _FORMATS and shown[name].dtype.kind == "f":
            shown[name].info.format = _FORMATS[name]
    return shown


def headline(n_rows: int, *, truncated: bool, source: str) -> str:
    """Say in one line what a result is."""
    rows = f"{n_rows} row" + ("" if n_rows == 1 else "s")
    more = " (there are more: the service stopped here)" if truncated else ""
    return f"{rows}{more} from {source}"


def as_text(table: Table, head: str, *, max_rows: int = MAX_ROWS) -> str:
    """Draw a result for a terminal."""
    if not len(table):
        return head
    shown = brief(table)
    lines = shown.pformat(max_lines=max_rows + 3, max_width=-1, show_unit=False)
    hidden = len(table.colnames) - len(shown.colnames)
    note = [f"… and {hidden} more columns in .table"] if hidden else []
    return "\n".join([head, *lines, *note])


def as_html(table: Table, head: str, *, max_rows: int = MAX_ROWS) -> str:
    """Draw a result for a notebook, with a link to each spectrum's picture where there is one."""
    shown = brief(table)
    cells = [f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in shown.colnames)}</tr>"]
    previews = table["preview_image_url"] if "preview_image_url" in table.colnames else None
    for index in range(min(len(shown), max_rows)):
        values = [escape(_cell(shown, name, index)) for name in shown.colnames]
        if previews is not None:
            link = escape(str(previews[index]), quote=True)
            values[0] = f'<a href="{link}" target="_blank" rel="noopener">{values[0]}</a>'
        cells.append(f"<tr>{''.join(f'<td>{value}</td>' for value in values)}</tr>")
    left = len(shown) - max_rows
    note = f"<p>… and {left} more rows</p>" if left > 0 else ""
    return f"<p><b>{escape(head)}</b></p><table>{''.join(cells)}</table>{note}"


def _cell(shown: Table, name: str, index: int) -> str:
    value = shown[name][index]
    pattern = shown[name].info.format
    return format(value, pattern) if pattern and str(value) not in ("--", "nan") else str(value)
