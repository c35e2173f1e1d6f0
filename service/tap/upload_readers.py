"""Reading an uploaded table: VOTable, FITS or CSV, told apart by what is in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final
from xml.parsers import expat

import pyarrow as pa
import pyarrow.csv as csv
from astropy.io import fits
from astropy.io.votable import parse as parse_votable
from astropy.io.votable.tree import TableElement
from astropy.table import Table as AstropyTable

from service.config import Settings
from service.tap.upload_columns import from_arrow, from_field, from_fits
from vo_emline.errors import UserError
from vo_emline.tables import Column

MAX_DEPTH: Final = 100
MAX_FIELDS: Final = 2000
_ENCODINGS: Final = (None, "base64")


class _Scan:
    """Counts, and refuses what is too much, while expat reads."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._depth = 0
        self._rows = 0
        self.units: list[str | None] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UserError("UPLOAD: the document is nested too deeply for a VOTable")
        if self._depth == 1 and local != "VOTABLE":
            raise UserError(f"UPLOAD: the document is no VOTable, it begins with {name[:80]}")
        if local == "STREAM":
            _check_stream(attributes)
        elif local == "TR":
            self._rows += 1
            if self._rows > self._max_rows:
                raise UserError(f"UPLOAD: the table has more than {self._max_rows} rows")
        elif local == "FIELD":
            self.units.append(attributes.get("unit"))
            if len(self.units) > MAX_FIELDS:
                raise UserError(f"UPLOAD: the table has more than {MAX_FIELDS} columns")

    def end(self, _name: str) -> None:
        self._depth -= 1

    def doctype(self, *_declaration: object) -> None:
        raise UserError("UPLOAD: documents with a DOCTYPE are not accepted; VOTables have none")


def prescan(path: Path, *, max_rows: int) -> list[str | None]:
    """Refuse a VOTable that is dangerous or too large; give the units of its FIELDs as written.

    Raises
    ------
    UserError
        It is no well-formed XML, has a DOCTYPE, refers to data elsewhere, or has too many rows or columns.
    """
    scan = _Scan(max_rows)
    parser = expat.ParserCreate()
    parser.StartElementHandler = scan.start
    parser.EndElementHandler = scan.end
    parser.StartDoctypeDeclHandler = scan.doctype
    try:
        with path.open("rb") as file:
            parser.ParseFile(file)
    except expat.ExpatError as error:
        raise UserError(f"UPLOAD: the document is not well-formed XML: {error}") from error
    return scan.units


def _check_stream(attributes: dict[str, str]) -> None:
    if "href" in attributes or any(name.endswith(":href") for name in attributes):
        raise UserError(
            "UPLOAD: a STREAM with href points to data elsewhere; send the rows inside the document"
        )
    if attributes.get("encoding") not in _ENCODINGS:
        raise UserError("UPLOAD: a STREAM must be in base64")


Described = tuple[list[Column], pa.Table]
"""Columns, and rows with one Arrow column for each."""

_HEAD: Final = 4096


def read_table(path: Path, *, name: str, settings: Settings) -> Described:
    """Read an uploaded table.

    Parameters
    ----------
    path
        The file as it came.
    name
        Name the client gave it, for messages.
    settings
        Limits on bytes and rows.

    Raises
    ------
    UserError
        It is too large, or no table of a known form.
    """
    if path.stat().st_size > settings.upload_bytes:
        raise UserError(f"UPLOAD: table {name} is larger than {settings.upload_bytes} bytes")
    read = _reader(path)
    try:
        columns, rows = read(path, settings.upload_rows)
    except UserError as error:
        raise UserError(f"table {name}: {error}") from error
    except Exception as error:  # astropy and pyarrow raise whatever they meet in a broken file
        raise UserError(f"UPLOAD: table {name} cannot be read: {error}") from error
    if rows.num_rows > settings.upload_rows:
        raise UserError(f"UPLOAD: table {name} has more than {settings.upload_rows} rows")
    if not columns:
        raise UserError(f"UPLOAD: table {name} has no columns")
    return columns, rows


def _reader(path: Path) -> Callable[[Path, int], Described]:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"SIMPLE  ="):
        return _read_fits
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<") or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _read_votable
    return _read_csv


def _read_votable(path: Path, max_rows: int) -> Described:
    units = prescan(path, max_rows=max_rows)
    try:
        table = _first_table(path)
    except SystemError:  # two threads at once in numpy's type parser; see service.formats.header.ELEMENTS
        table = _first_table(path)
    names = _unique(field.name or field.ID for field in table.fields)
    pairs = [
        from_field(field, table.array[field.ID], name=name, unit=unit)
        for field, name, unit in zip(table.fields, names, units[: len(names)], strict=True)
    ]
    return _assemble(pairs)


def _first_table(path: Path) -> TableElement:
    # A file object and not a name: a name could be taken for an address.
    with path.open("rb") as file:
        return parse_votable(file, verify="ignore", unit_format=None).get_first_table()


def _read_fits(path: Path, _max_rows: int) -> Described:
    with path.open("rb") as file, fits.open(file, memmap=False) as units:
        number = next(
            (n for n, unit in enumerate(units) if isinstance(unit, fits.BinTableHDU | fits.TableHDU)), None
        )
        if number is None:
            raise UserError("UPLOAD: the FITS file has no table")
        table = AstropyTable.read(units[number], format="fits", unit_parse_strict="silent")
        written = [column.unit or None for column in units[number].columns]
    pairs = [
        from_fits(column, name=name, unit=unit)
        for column, name, unit in zip(table.itercols(), _unique(table.colnames), written, strict=True)
    ]
    return _assemble(pairs)


def _read_csv(path: Path, max_rows: int) -> Described:
    parse = csv.ParseOptions(newlines_in_values=True)
    convert = csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    parts = []
    rows = 0
    with csv.open_csv(path, parse_options=parse, convert_options=convert) as reader:
        for batch in reader:
            parts.append(batch)
            rows += batch.num_rows
            if rows > max_rows:
                raise UserError(f"UPLOAD: the table has more than {max_rows} rows")
        table = pa.Table.from_batches(parts, schema=reader.schema)
    names = _unique(table.column_names)
    return _assemble([from_arrow(table.column(place), name=name) for place, name in enumerate(names)])


def _assemble(pairs: list[tuple[Column, pa.Array | pa.ChunkedArray]]) -> Described:
    columns = [column for column, _ in pairs]
    arrays = [array.cast(column.arrow_type) for column, array in pairs]
    return columns, pa.table(arrays, names=[column.name for column in columns])


def _unique(names: Iterator[str] | list[str]) -> list[str]:
    """Give names that differ also where case does not count."""
    taken: set[str] = set()
    unique = []
    for place, name in enumerate(names, start=1):
        base = name.strip() or f"col{place}"
        candidate, number = base, 2
        while candidate.lower() in taken:
            candidate, number = f"{base}_{number}", number + 1
        taken.add(candidate.lower())
        unique.append(candidate)
    return unique
