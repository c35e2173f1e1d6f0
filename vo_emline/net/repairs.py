"""Repairs to an invalid VOTable answer, each with a sentence that says what it did.

Those of the XML take the root element (tags without namespace), those of columns what astropy has read;
they change it in place and yield their messages. What they mend was recorded from the live services of
Ondřejov and LAMOST; the rules they restore are those of VOTable 1.4 (section 2 for types, 4.1 for
attributes) and SSA 1.1 (section 4.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import Element

import numpy as np

if TYPE_CHECKING:
    from astropy.io.votable.tree import TableElement, VOTableFile

DATATYPES: Final = frozenset(
    (
        "boolean", "bit", "unsignedByte", "short", "int", "long", "char", "unicodeChar",
        "float", "double", "floatComplex", "doubleComplex",
    )
)  # fmt: skip
"""The primitive types of VOTable 1.4, section 2.1."""

ALIASES: Final = {
    "integer": "int",
    "bigint": "long",
    "smallint": "short",
    "real": "float",
    "numeric": "double",
    "bool": "boolean",
}
"""Types that services write instead; any other unknown type is read as text."""

NUMERIC: Final = frozenset(("short", "int", "long", "float", "double"))

_ARRAYSIZE = re.compile(r"^([0-9]+x)*[0-9]*\*?$")
_ISO = re.compile(r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d*)?)?Z?)?$")
_NUMBER = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|^[nN]a[nN]$")
_TIME_UTYPE = "char.timeaxis.coverage.location.value"
_FORMAT_UTYPE = "access.format"
_MJD_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)

Repair = Callable[[Element], Iterator[str]]


def plain_utype(utype: str | None) -> str:
    """Give a utype without its prefix, in lower case (``ssa:Access.Format`` → ``access.format``)."""
    return (utype or "").rpartition(":")[2].lower()


def mjd_of(iso: str) -> float:
    """Turn an ISO 8601 date or time (UTC) into MJD (d).

    Raises
    ------
    ValueError
        If it is not one.
    """
    moment = datetime.fromisoformat(iso.strip().replace(" ", "T"))
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (moment - _MJD_EPOCH).total_seconds() / 86400


def declare_datatypes(root: Element) -> Iterator[str]:
    """Give every FIELD and PARAM a datatype that exists."""
    for element in _described(root):
        datatype = element.get("datatype")
        if datatype in DATATYPES:
            continue
        mended = ALIASES.get((datatype or "").lower(), "char")
        element.set("datatype", mended)
        if mended == "char":
            element.set("arraysize", "*")
        said = f"datatype {datatype!r}" if datatype else "no datatype"
        yield f"{_name(element)} had {said}: read as {mended}"


def declare_arraysizes(root: Element) -> Iterator[str]:
    """Replace array sizes that are not sizes (``"m"``, ``""``)."""
    for element in _described(root):
        size = element.get("arraysize")
        if size is None or (size and _ARRAYSIZE.match(size)):
            continue
        if element.get("datatype") in {"char", "unicodeChar"}:
            element.set("arraysize", "*")
        else:
            del element.attrib["arraysize"]
        yield f"{_name(element)} had arraysize {size!r}: read as {element.get('arraysize') or 'one value'}"


def fill_empty_parameters(root: Element) -> Iterator[str]:
    """Give numeric PARAMs that have an empty value one that a number can have.

    An empty string is no number (VOTable 1.4, section 4.1), and pyvo stumbles
    over the masked value that astropy makes of it. What describes the data
    becomes NaN (unknown); an input of a service becomes zero, which pyvo takes
    as "nothing preset" where it would send a NaN.
    """
    inputs = {param for group in root.iter("GROUP") if group.get("name") == "inputParams" for param in group}
    for element in root.iter("PARAM"):
        if element.get("datatype") not in NUMERIC or (element.get("value") or "").strip():
            continue
        unknown = element not in inputs and element.get("datatype") in {"float", "double"}
        size = element.get("arraysize") or ""
        count = int(size) if size.isdecimal() else 1
        element.set("value", " ".join(["NaN" if unknown else "0"] * count))
        yield f"{_name(element)} had an empty value: read as {'unknown' if unknown else 'nothing preset'}"


def convert_dates(root: Element) -> Iterator[str]:
    """Turn ISO dates into MJD where SSA 1.1 wants MJD, or where a number is declared."""
    for table in root.iter("TABLE"):
        rows = [list(row) for row in table.iter("TR")]
        for index, field in enumerate(table.findall("FIELD")):
            wanted = plain_utype(field.get("utype")) == _TIME_UTYPE
            if not wanted and field.get("datatype") not in NUMERIC:
                continue
            if _convert_column([row[index] for row in rows if index < len(row)]):
                field.attrib.pop("arraysize", None)
                field.attrib.update(datatype="double", unit="d")
                yield f"{_name(field)} held ISO dates: converted to MJD"


def _convert_column(cells: list[Element]) -> bool:
    """Convert the ISO dates of a column; say whether there were any, and nothing but dates and numbers."""
    dates = [cell for cell in cells if cell.text and _ISO.match(cell.text.strip())]
    if not dates:
        return False
    said = [cell.text.strip() for cell in cells if cell.text and cell.text.strip()]
    if not all(_ISO.match(text) or _NUMBER.match(text) for text in said):
        return False
    for cell in dates:
        cell.text = repr(mjd_of(cell.text or ""))
    return True


def name_media_types(root: Element) -> Iterator[str]:
    """Replace ``fits`` as a media type by the one that the file of the row has."""
    for table in root.iter("TABLE"):
        for index, field in enumerate(table.findall("FIELD")):
            if plain_utype(field.get("utype")) == _FORMAT_UTYPE:
                mended = {_name_media_type(list(row), index) for row in table.iter("TR")}
                for media_type in sorted(filter(None, mended)):
                    yield f"{_name(field)} said 'fits': read as {media_type}"


def _name_media_type(cells: list[Element], index: int) -> str:
    if index >= len(cells) or (cells[index].text or "").strip().lower() != "fits":
        return ""
    zipped = any((cell.text or "").strip().endswith(".fits.gz") for cell in cells)
    cells[index].text = "application/gzip" if zipped else "application/fits"
    return cells[index].text or ""


XML_REPAIRS: Final[tuple[Repair, ...]] = (
    declare_datatypes,
    declare_arraysizes,
    fill_empty_parameters,
    convert_dates,
    name_media_types,
)
"""All repairs of the XML, in the order they must run (types before sizes before values)."""


def _described(root: Element) -> Iterator[Element]:
    yield from root.iter("FIELD")
    yield from root.iter("PARAM")


def _name(element: Element) -> str:
    return f"{element.tag} {element.get('name') or element.get('ID') or '?'}"


_TARGET = "target.pos"
_TARGETS = frozenset((_TARGET, "target.pos.spoint"))
_LOCATIONS = ("char.spatialaxis.coverage.location.value", "astrocoords.position2d.value2")
_CREATED = "dataid.date"


def fill_target_positions(votable: VOTableFile) -> Iterator[str]:
    """Put the location of the aperture where a target position is empty or not there."""
    for table in votable.iter_tables():
        location = _positions(table)
        if location is None:
            continue
        targets = [field for field in table.fields if plain_utype(field.utype) in _TARGETS]
        for field in targets:
            empty = _empty_pairs(table.array[field.ID])
            if empty.any():
                table.array[field.ID][empty] = location[empty]
                yield f"empty {field.name} filled from the observed position"
        if not any(plain_utype(field.utype) == _TARGET for field in targets):
            _append_targets(votable, table, location)
            yield "no target position: the observed position stands for it"


def separate_dates(votable: VOTableFile) -> Iterator[str]:
    """Write the ``T`` of creation dates as a space, the only form that pyvo reads."""
    for table in votable.iter_tables():
        for field in table.fields:
            if plain_utype(field.utype) != _CREATED or field.datatype not in {"char", "unicodeChar"}:
                continue
            column = table.array[field.ID]
            with_t = [i for i, value in enumerate(column.data) if "T" in _text(value)]
            for index in with_t:
                column.data[index] = _text(column.data[index]).replace("T", " ").removesuffix("Z")
            if with_t:
                yield f"{field.name} written with a space instead of a T"


COLUMN_REPAIRS: Final[tuple[Callable[[VOTableFile], Iterator[str]], ...]] = (
    fill_target_positions,
    separate_dates,
)
"""All repairs of columns. They make the properties of :class:`pyvo.dal.SSARecord` work, which reads the
position from ``ssa:Target.Pos`` and the date from ``ssa:DataID.Date`` (SSA 1.1, section 4.2.5) and
expects both in one form."""


def _positions(table: TableElement) -> Any | None:
    """Give the observed positions (N × 2, deg) of a table that has such a column and rows."""
    for utype in _LOCATIONS:
        for field in table.fields:
            pair = field.datatype == "double" and field.arraysize == "2"
            if pair and plain_utype(field.utype) == utype and len(table.array):
                return np.ma.filled(table.array[field.ID], np.nan)
    return None


def _empty_pairs(column: Any) -> Any:
    values = np.ma.filled(column.astype(float), np.nan)
    return ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)


def _append_targets(votable: VOTableFile, table: TableElement, location: Any) -> None:
    from astropy.io.votable.tree import Field  # slow to import

    field = Field(
        votable, ID="target_pos", name="target_pos", datatype="double", arraysize="2", unit="deg",
        ucd="pos.eq;src", utype="ssa:Target.Pos",
    )  # fmt: skip
    old = table.array
    dtype = [(name, *old.dtype.fields[name][:1]) for name in old.dtype.names]
    new = np.ma.zeros(len(old), dtype=[*dtype, ("target_pos", "f8", (2,))])
    for name in old.dtype.names:
        new[name] = old[name]
    new["target_pos"] = location
    table.array = new
    table.fields.append(field)


def _text(value: Any) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
