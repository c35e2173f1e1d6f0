"""The one tolerant reader of VOTable answers: refuses what is dangerous, repairs what is invalid.

The rest of the program sees clean documents only; what was repaired is logged once per service and
kept with the answer.
"""

from __future__ import annotations

import base64
import binascii
import io
import logging
import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from vo_emline.errors import ArchiveError
from vo_emline.net.repairs import COLUMN_REPAIRS, XML_REPAIRS
from vo_emline.net.rows import Rows
from vo_emline.tables import Column, Datatype

if TYPE_CHECKING:
    from astropy.io.votable.tree import VOTableFile

_NAMESPACE: Final = "http://www.ivoa.net/xml/VOTable/v1.3"
_TITLE = re.compile(rb"<(?:title|h1)[^>]*>(.*?)</", re.IGNORECASE | re.DOTALL)
_SAID: set[tuple[str, str]] = set()

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CleanVOTable:
    """A document that astropy and pyvo read, and what had to be done for that."""

    votable: VOTableFile
    repairs: tuple[str, ...]


def read_votable(content: bytes, source: str) -> CleanVOTable:
    """Read an answer, valid or not.

    Parameters
    ----------
    content
        The bytes of the answer.
    source
        Address it came from, for messages.

    Raises
    ------
    ArchiveError
        If it is no VOTable (an HTML page, half a document), carries a DOCTYPE,
        or refers to a stream elsewhere.
    """
    root, repairs = _read_xml(content, source)
    votable = _parse_votable(_serialise(root), source)
    repairs += [message for repair in COLUMN_REPAIRS for message in repair(votable)]
    _tell(repairs, source)
    return CleanVOTable(votable, tuple(repairs))


def _read_xml(content: bytes, source: str) -> tuple[ET.Element, list[str]]:
    """Give the repaired document, and what was repaired."""
    root = _parse_xml(content, source)
    refuse_references(root, source)
    return root, [message for repair in XML_REPAIRS for message in repair(root)]


def refuse_references(root: ET.Element, source: str) -> None:
    """Refuse a document whose data lie elsewhere.

    astropy would open any address in ``<STREAM href="…">``, ``file:`` too.

    Raises
    ------
    ArchiveError
        If there is one.
    """
    for stream in root.iter("STREAM"):
        if stream.get("href"):
            raise ArchiveError("refused: the VOTable points to data elsewhere (STREAM href)", url=source)


def _parse_xml(content: bytes, source: str) -> ET.Element:
    try:
        root: ET.Element = defusedxml.ElementTree.fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ArchiveError(
            _html_title(content) or "refused: the answer carries a DOCTYPE", url=source
        ) from error
    except ET.ParseError as error:
        said = _html_title(content) or f"the answer is not well-formed XML: {error}"
        raise ArchiveError(said, url=source, retry=True) from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag != "VOTABLE":
        raise ArchiveError(_html_title(content) or f"the answer is a <{root.tag}>, not a VOTable", url=source)
    return root


def _html_title(content: bytes) -> str:
    if b"<html" not in content[:2048].lower():
        return ""
    found = _TITLE.search(content)
    title = found.group(1).decode("utf-8", "replace").strip() if found else ""
    return f"answered with a web page instead of a VOTable: {title[:200] or 'no title'}"


def _serialise(root: ET.Element) -> bytes:
    """Write the document in the namespace of VOTable 1.3 and 1.4, which share one."""
    for attribute in [name for name in root.attrib if name.startswith("{")]:
        del root.attrib[attribute]
    root.attrib.update(xmlns=_NAMESPACE, version="1.4")
    serialised: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return serialised


def _parse_votable(content: bytes, source: str) -> VOTableFile:
    from astropy.io.votable import parse  # slow to import

    try:
        return parse(io.BytesIO(content), verify="ignore")
    except Exception as error:  # astropy raises its own, numpy's and Python's errors
        said = str(error).partition("\n")[0]
        raise ArchiveError(f"the VOTable cannot be read even after repair: {said}", url=source) from error


def _tell(repairs: list[str], source: str) -> None:
    """Log what was repaired, once per service."""
    service = source.partition("?")[0]
    new = [message for message in repairs if (service, message) not in _SAID]
    _SAID.update((service, message) for message in new)
    if new:
        log.info("%s: repaired the answer: %s", service, "; ".join(new))


def text_of(value: Any) -> str:
    """Give a cell as text, empty where it is null."""
    if value is None or getattr(value, "mask", False) is True or str(value) == "--":
        return ""
    return value.decode() if isinstance(value, bytes) else str(value)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered to a query (DALI 1.1, section 4.4)."""

    status: str
    """``OK``, ``OVERFLOW`` or ``ERROR``; empty where it is not said."""
    message: str
    """What the service says of the status."""
    rows: Rows

    @property
    def truncated(self) -> bool:
        """Whether the service had more rows than it sent."""
        return self.status == "OVERFLOW"


def read_answer(content: bytes, source: str) -> Answer:
    """Read the rows of an answer, valid or not, without astropy.

    Parameters
    ----------
    content
        The bytes of the answer: rows in TABLEDATA, BINARY or BINARY2.
    source
        Address it came from, for messages.

    Raises
    ------
    ArchiveError
        As :func:`read_votable`.
    """
    root, repairs = _read_xml(content, source)
    _tell(repairs, source)
    infos = [info for info in root.iter("INFO") if info.get("name") == "QUERY_STATUS"]
    last = infos[-1] if infos else ET.Element("INFO")  # one after the table tells of a late overflow or error
    table = next(root.iter("TABLE"), None)
    try:
        rows = Rows((), ()) if table is None else _read_table(table)
    except (ValueError, struct.error, binascii.Error, IndexError) as error:
        raise ArchiveError(f"the rows of the VOTable cannot be read: {error}", url=source) from error
    return Answer((last.get("value") or "").upper(), " ".join((last.text or "").split()), rows)


def _read_table(table: ET.Element) -> Rows:
    fields = table.findall("FIELD")
    columns = tuple(map(_column, fields))
    binary2, binary, tabledata = (table.find(f"DATA/{kind}") for kind in ("BINARY2", "BINARY", "TABLEDATA"))
    if binary2 is not None or binary is not None:
        element = binary2 if binary2 is not None else binary
        stream = base64.b64decode("".join(element.itertext())) if element is not None else b""
        lists = _read_binary(stream, fields, nulls=binary2 is not None)
    else:
        trs = [] if tabledata is None else tabledata.findall("TR")
        texts = [[td.text for td in tr] for tr in trs]
        lists = [
            [_read_cell(row[place] if place < len(row) else None, field) for row in texts]
            for place, field in enumerate(fields)
        ]
    return Rows.from_lists(columns, lists, description=(table.findtext("DESCRIPTION") or "").strip())


_PLAIN: Final[dict[str, Datatype]] = {"bit": "boolean", "unsignedByte": "short", "floatComplex": "float"}
"""Types that are read as another."""

_CODES: Final = {
    "boolean": "c", "bit": "B", "unsignedByte": "B", "short": "h", "int": "i", "long": "q", "float": "f",
    "double": "d", "floatComplex": "ff", "doubleComplex": "dd", "char": "c", "unicodeChar": "2s",
}  # fmt: skip
"""One element of each type in a stream, big-endian (VOTable 1.4, section 6)."""


def _is_text(field: ET.Element) -> bool:
    return field.get("datatype") in ("char", "unicodeChar")


def _column(field: ET.Element) -> Column:
    kind = field.get("datatype") or "char"
    plain: Any = _PLAIN.get(kind, kind.removesuffix("Complex"))
    size = field.get("arraysize")
    single = size in (None, "1") and "Complex" not in kind
    return Column(
        name=field.get("name") or field.get("ID") or "",
        datatype=plain,
        arraysize="*" if _is_text(field) else None if single else size or "2",
        unit=field.get("unit"),
        ucd=field.get("ucd"),
        utype=field.get("utype"),
        xtype=field.get("xtype"),
        description=" ".join((field.findtext("DESCRIPTION") or "").split()),
    )


def _read_cell(text: str | None, field: ET.Element) -> Any:
    """Read a cell of TABLEDATA; None for NULL."""
    if text is None or not text.strip():
        return None
    if _is_text(field):
        return text
    null = field.find("VALUES")
    if null is not None and text.strip() == null.get("null"):
        return None
    parse = _parser(field.get("datatype") or "")
    if _column(field).is_array:
        return tuple(parse(part) for part in text.split())
    return parse(text.strip())


def _parser(datatype: str) -> Callable[[str], Any]:
    if datatype in ("float", "double", "floatComplex", "doubleComplex"):
        return float
    if datatype in ("boolean", "bit"):
        return lambda text: {"t": True, "1": True, "f": False, "0": False}.get(text[0].lower())
    return lambda text: int(text, 0) if text.lower().startswith("0x") else int(text)


def _read_binary(stream: bytes, fields: Sequence[ET.Element], *, nulls: bool) -> list[list[Any]]:
    """Read all rows of a stream; give one list for each field, None for NULL.

    `nulls`: each row begins with a bit for each field that says whether it is NULL (BINARY2).
    """
    readers = [_reader(field, len(stream)) for field in fields]
    lists: list[list[Any]] = [[] for _ in fields]
    width = (len(fields) + 7) // 8 if nulls else 0
    first = 1 << (8 * width - 1) if width else 0
    at = 0
    while at < len(stream):
        begin = at
        flags, bit = int.from_bytes(stream[at : at + width], "big"), first
        at += width
        for values, read in zip(lists, readers, strict=True):
            value, at = read(stream, at)
            values.append(None if flags & bit else value)
            bit >>= 1
        if at == begin:
            raise ValueError("its rows take no room")
    return lists


def _reader(field: ET.Element, available: int) -> Callable[[bytes, int], tuple[Any, int]]:
    """Give what reads one cell of a field at some place of the stream, and says where the next begins."""
    datatype, size = field.get("datatype") or "", field.get("arraysize") or "1"
    code, head = _CODES[datatype], struct.Struct(">i")
    width = struct.calcsize(">" + code)
    finish = _finisher(field)
    if not size.endswith("*"):
        count = _product(size)
        if count * width > available > 0:
            raise ValueError("a cell is longer than the stream")
        cell = struct.Struct(">" + code * count) if available else head
        return lambda stream, at: (finish(cell.unpack_from(stream, at)), at + cell.size)

    def read(stream: bytes, at: int) -> tuple[Any, int]:
        (count,) = head.unpack_from(stream, at)
        end = at + 4 + count * width
        if count < 0 or end > len(stream):
            raise ValueError("the stream ends within a cell")
        if _is_text(field):
            return _text(stream[at + 4 : end], datatype), end
        return finish(struct.unpack_from(">" + code * count, stream, at + 4)), end

    return read


_TRUTHS: Final = {b"T": True, b"t": True, b"1": True, b"F": False, b"f": False, b"0": False}


def _finisher(field: ET.Element) -> Callable[[tuple[Any, ...]], Any]:
    """Give what makes a value of the parts that :mod:`struct` gives."""
    datatype = field.get("datatype") or ""
    if _is_text(field):
        return lambda parts: _text(b"".join(parts), datatype)
    array = _column(field).is_array
    if datatype == "bit" and array:
        raise ValueError("arrays of bits are not read")
    if datatype in ("boolean", "bit"):
        truths: dict[Any, bool] = {**_TRUTHS, 0x80: True, 0: False}
        return lambda parts: tuple(map(truths.get, parts)) if array else truths.get(parts[0])
    return tuple if array else lambda parts: parts[0]


def _text(raw: bytes, datatype: str) -> str:
    text = raw.decode("utf-16-be" if datatype == "unicodeChar" else "utf-8", "replace")
    return text.partition("\0")[0]


def _product(size: str) -> int:
    count = 1
    for part in size.split("x"):
        count *= int(part)
    return count
