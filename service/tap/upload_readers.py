"""Reading an uploaded table: VOTable, FITS or CSV, told apart by what is in it.

This is what a stranger sent: it is read in a process of its own
(:func:`encode_table` runs there), which the server ends when it takes too much.
The checks here refuse early what lies about its size; the limits of the process
hold for what they do not know.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Final
from xml.parsers import expat

import pyarrow as pa
import pyarrow.csv as csv
from astropy.io import fits
from astropy.io.votable import parse as parse_votable
from astropy.io.votable.tree import TableElement
from astropy.table import Table as AstropyTable

from service.tap.upload_columns import from_arrow, from_field, from_fits
from vo_emline.errors import UserError
from vo_emline.tables import Column

MAX_DEPTH: Final = 100
MAX_FIELDS: Final = 2000
MAX_ELEMENTS: Final = 50_000
"""XML elements beside rows and cells."""
MAX_ITEMS: Final = 1_000_000
"""Elements of one array, or characters of one text, where their number is fixed."""
_ENCODINGS: Final = (None, "base64")
_CELLS: Final = frozenset({"TR", "TD"})


class _Scan:
    """Counts, and refuses what is too much, while expat reads."""

    def __init__(self, max_rows: int) -> None:
        self._max_rows = max_rows
        self._depth = 0
        self._rows = 0
        self._elements = 0
        self.units: list[str | None] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UserError("UPLOAD: the document is nested too deeply for a VOTable")
        if self._depth == 1 and local != "VOTABLE":
            raise UserError(f"UPLOAD: the document is no VOTable, it begins with {name[:80]}")
        if local not in _CELLS:
            self._elements += 1
            if self._elements > MAX_ELEMENTS:
                raise UserError(f"UPLOAD: the document has more than {MAX_ELEMENTS} elements beside its rows")
        if local == "STREAM":
            _check_stream(attributes)
        elif local == "TR":
            self._rows += 1
            if self._rows > self._max_rows:
                raise UserError(f"UPLOAD: the table has more than {self._max_rows} rows")
        elif local == "FIELD":
            self.units.append(attributes.get("unit"))
            _check_size(attributes.get("arraysize"))
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


def _check_size(arraysize: str | None) -> None:
    """Refuse fixed sizes that are absurd: readers reserve memory by them, or read nothing for ever."""
    sizes = [part for part in (arraysize or "").split("x") if part.strip().isdigit()]
    if any(len(part) > 9 for part in sizes) or math.prod(map(int, sizes)) > MAX_ITEMS:
        raise UserError(f"UPLOAD: arraysize={(arraysize or '')[:80]} is more than {MAX_ITEMS} elements")
    if 0 in map(int, sizes):
        raise UserError("UPLOAD: a FIELD with arraysize 0 holds nothing; leave it out")


Described = tuple[list[Column], pa.Table]
"""Columns, and rows with one Arrow column for each."""

DESCRIPTION: Final = b"column"
"""Metadata of an Arrow field that hold the description of its column, JSON."""

_HEAD: Final = 4096
_BATCH: Final = 20_000
_BLOCK: Final = 2880
_MAX_HEADER: Final = 500
"""Blocks of one FITS header."""
_MAX_UNITS: Final = 1000
"""Header and data units of a FITS file that are looked at."""


def encode_table(path: str, name: str, max_bytes: int, max_rows: int) -> Iterator[bytes]:
    """Read an uploaded table and give it as an Arrow stream whose fields describe the columns.

    Raises
    ------
    UserError
        See :func:`read_table`.
    """
    columns, rows = read_table(Path(path), name=name, max_bytes=max_bytes, max_rows=max_rows)
    fields = [
        field.with_metadata({DESCRIPTION: json.dumps(asdict(column)).encode()})
        for field, column in zip(rows.schema, columns, strict=True)
    ]
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, pa.schema(fields)) as writer:
        for batch in rows.to_batches(max_chunksize=_BATCH):
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=pa.schema(fields)))
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def decode_table(stream: bytes) -> Described:
    """Give back what :func:`encode_table` gave, checked.

    Raises
    ------
    pyarrow.ArrowInvalid
        The stream is none.
    """
    rows = pa.ipc.open_stream(pa.py_buffer(stream)).read_all()
    rows.validate(full=True)
    columns = [Column(**json.loads(field.metadata[DESCRIPTION])) for field in rows.schema]
    return columns, rows.replace_schema_metadata(None)


def read_table(path: Path, *, name: str, max_bytes: int, max_rows: int) -> Described:
    """Read an uploaded table.

    Parameters
    ----------
    path
        The file as it came.
    name
        Name the client gave it, for messages.
    max_bytes, max_rows
        Limits on its size.

    Raises
    ------
    UserError
        It is too large, or no table of a known form.
    """
    if path.stat().st_size > max_bytes:
        raise UserError(f"UPLOAD: table {name} is larger than {max_bytes} bytes")
    read = _reader(path)
    try:
        columns, rows = read(path, max_rows)
    except UserError as error:
        raise UserError(f"table {name}: {error}") from error
    except MemoryError:
        raise
    except Exception as error:  # astropy and pyarrow raise whatever they meet in a broken file
        raise UserError(f"UPLOAD: table {name} cannot be read: {error}") from error
    if rows.num_rows > max_rows:
        raise UserError(f"UPLOAD: table {name} has more than {max_rows} rows")
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


def _read_fits(path: Path, max_rows: int) -> Described:
    _check_fits(path, max_rows=max_rows)
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


def _check_fits(path: Path, *, max_rows: int) -> None:
    """Refuse a file whose headers promise more than it holds: astropy believes them."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for _ in range(_MAX_UNITS):
            if not (cards := _cards(file)):
                return
            number = cards.get("TFIELDS", 0)
            if number > MAX_FIELDS:
                raise UserError(f"UPLOAD: the table has more than {MAX_FIELDS} columns")
            if number and (rows := cards.get("NAXIS2", 0)) > max_rows:
                raise UserError(f"UPLOAD: the table has {rows} rows; {max_rows} is the most")
            length = _data_bytes(cards)
            if length > size - file.tell():
                raise UserError("UPLOAD: the FITS file is shorter than its header says")
            if number and not length and cards.get("NAXIS2", 0):
                raise UserError("UPLOAD: the table has rows without bytes")
            file.seek(-(-length // _BLOCK) * _BLOCK, io.SEEK_CUR)


def _cards(file: IO[bytes]) -> dict[str, int]:
    """Read one header and give its whole numbers; none where the file ends."""
    cards: dict[str, int] = {}
    for _ in range(_MAX_HEADER):
        block = file.read(_BLOCK)
        for start in range(0, len(block), 80):
            card = block[start : start + 80]
            if card[:8].strip() == b"END":
                return cards
            value = card[10:].partition(b"/")[0].strip()
            if card[8:10] == b"= " and value.lstrip(b"-").isdigit() and len(value) < 19:
                cards[card[:8].decode("latin-1").strip()] = int(value)
        if len(block) < _BLOCK:
            return cards
    raise UserError("UPLOAD: the FITS file has a header without end")


def _data_bytes(cards: Mapping[str, int]) -> int:
    axes = [cards.get(f"NAXIS{number}", 0) for number in range(1, min(cards.get("NAXIS", 0), 999) + 1)]
    if any(value < 0 for value in (*axes, cards.get("PCOUNT", 0), cards.get("GCOUNT", 1))):
        raise UserError("UPLOAD: the FITS file has sizes below zero")
    elements = math.prod(axes) if axes else 0
    return abs(cards.get("BITPIX", 8)) // 8 * cards.get("GCOUNT", 1) * (cards.get("PCOUNT", 0) + elements)


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
