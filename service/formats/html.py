"""Rows as a web page, for a look at a result in the browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from service.formats.cells import join_rows, xml_text
from service.formats.delimited import plain_cell
from service.formats.result import Result
from vo_emline.tables import Column

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Result</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.2rem; }
pre { background: color-mix(in srgb, currentColor 7%, transparent); }
pre { padding: 0.7rem 0.9rem; border-radius: 6px; overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.25rem 0.8rem 0.25rem 0; white-space: nowrap; }
th, td { border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
th { position: sticky; top: 0; background: Canvas; }
th small { display: block; font-weight: normal; opacity: 0.7; }
</style>
</head>
<body>
"""


def write_html(result: Result) -> Iterator[bytes]:
    """Give `result` as a page: the query, the rows, links where a column holds addresses."""
    heads = "".join(_head(column) for column in result.columns)
    query = f"<pre>{escape(result.infos['QUERY'])}</pre>\n" if "QUERY" in result.infos else ""
    yield f"{_PAGE}{query}<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n".encode()
    for batch in result.rows():
        yield _rows(batch, result.columns)
    more = f"; there are more: only the first {result.limit} are shown" if result.overflow else ""
    yield f"</tbody>\n</table>\n<p>{result.delivered} rows{more}.</p>\n</body>\n</html>\n".encode()


def _head(column: Column) -> str:
    unit = f"<small>{escape(column.unit)}</small>" if column.unit else ""
    return f'<th title="{escape(column.description)}">{escape(column.name)}{unit}</th>'


def _rows(batch: pa.RecordBatch, columns: Sequence[Column]) -> bytes:
    cells = [_cell(array, column) for array, column in zip(batch.columns, columns, strict=True)]
    return join_rows(cells, start="<tr><td>", separator="</td><td>", end="</td></tr>\n")


def _cell(array: pa.Array, column: Column) -> pa.Array:
    if not column.is_text:
        return plain_cell(array, column)
    text = pc.replace_substring(xml_text(array), '"', "&quot;")
    linked = pc.binary_join_element_wise(
        pa.scalar('<a href="'), text, pa.scalar('">'), text, pa.scalar("</a>"), ""
    )
    return pc.if_else(pc.match_substring_regex(text, r"^https?://[^\s]+$"), linked, text)
