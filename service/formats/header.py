"""The parts of a VOTable around its rows (VOTable 1.4): documents and PARAMs, made by astropy.

FIELDs are those of the tables of surveys (:mod:`vo_emline.candidates.votable`).
"""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from xml.etree.ElementTree import Element, tostring

from astropy.io.votable.tree import Field, Info, Param, Resource, TableElement, Values, VOTableFile

from vo_emline.candidates.votable import fields, printable
from vo_emline.tables import Column

VERSION: Final = "1.4"
"""Version on the wire: the newest that the validators in use know."""

_QUIET: Final[dict[str, Any]] = {
    "verify": "ignore",
    # astropy looks these up when an element with a unit is made, before it knows the document
    **{f"version_1_{minor}_or_later": True for minor in (1, 2, 3, 4)},
}
ELEMENTS: Final = threading.RLock()
"""Held while astropy makes and writes FIELDs and PARAMs.

For arrays numpy reads a type with ``ast.literal_eval``, and CPython 3.11
fails when two threads do that at once (python/cpython issue 106905).
"""

_STATUS: Final = "QUERY_STATUS"
_TABLE: Final = b"<TABLE/>"

KEPT: Final = 256
"""Headers that are kept, for the sets of columns that were asked for last."""


def frame(
    columns: Sequence[Column], *, infos: Mapping[str, str], resources: Sequence[Resource] = ()
) -> tuple[bytes, bytes]:
    """Give what comes before and after the ``DATA`` and trailing ``INFO`` elements of a result.

    Parameters
    ----------
    columns
        Columns of the result, in order.
    infos
        Name and value of ``INFO`` elements after ``QUERY_STATUS``.
    resources
        Resources to stand after the results, such as service descriptors; the same objects each time,
        and unchanged, since what is made of them is kept.

    Returns
    -------
    before
        Up to the last FIELD, inside the TABLE.
    after
        What follows the results RESOURCE's end tag.
    """
    head, table, after = _template(tuple(columns), tuple(resources))
    said = (_info_element(name, value) for name, value in infos.items())
    return b"".join([head, *said, table]), after


@lru_cache(maxsize=KEPT)
def _template(columns: tuple[Column, ...], resources: tuple[Resource, ...]) -> tuple[bytes, bytes, bytes]:
    """Give the parts of a document that the columns decide: before further INFOs, the FIELDs, the end.

    Of the time that astropy takes (milliseconds) nearly all is for these, and
    queries for the same columns come again and again.
    """
    document = VOTableFile(version=VERSION, config=_QUIET)
    results = Resource(type="results")
    results.infos.append(_info(_STATUS, "OK"))
    results.tables.append(TableElement(document, config=_QUIET))
    document.resources.extend([results, *resources])
    text = _serialised(document)
    before, _, rest = text.partition(_TABLE)
    return before, b"<TABLE>\n" + fields(columns), rest.partition(b"</RESOURCE>")[2]


def status_document(status: str, message: str, *, infos: Mapping[str, str]) -> bytes:
    """Give a VOTable without a table that states `status` and why (DALI 1.1, section 4.4).

    Parameters
    ----------
    status, message
        ``ERROR``, say, and the reason.
    infos
        Name and value of ``INFO`` elements after it: where the answer comes from.
    """
    document = VOTableFile(version=VERSION, config=_QUIET)
    results = Resource(type="results")
    info = _info(_STATUS, status)
    info.content = printable(message)
    results.infos.append(info)
    results.infos.extend(_info(name, value) for name, value in infos.items())
    document.resources.append(results)
    return _serialised(document)


def trailing_info(status: str, message: str = "") -> bytes:
    """Give the INFO after the table that tells of a late overflow or error (DALI 1.1, section 4.4.1)."""
    return _info_element(_STATUS, status, message)


def _info_element(name: str, value: str, content: str = "") -> bytes:
    element = Element("INFO", {"name": name, "value": printable(value)})
    element.text = printable(content) or None
    written: bytes = tostring(element)
    # as astropy writes it, for those who look for it in the text
    return (written.removesuffix(b" />") + b"/>" if written.endswith(b" />") else written) + b"\n"


def _info(name: str, value: str) -> Info:
    made = Info(name=name, value=printable(value), config=_QUIET)
    made._ID = None  # astropy invents one, which could meet that of a FIELD
    return made


def _serialised(document: VOTableFile) -> bytes:
    buffer = io.BytesIO()
    with ELEMENTS:
        document.to_xml(buffer)
    return buffer.getvalue()


OF_1_4: Final = {f"version_1_{minor}_or_later": True for minor in (1, 2, 3, 4)}
"""Tells astropy which version its elements are of; else it warns that VOTable 1.1 lacks their attributes."""

_OF_1_3: Final = {**OF_1_4, "version_1_4_or_later": False}
"""The same with units by the rules of VOTable 1.3: VOUnit, which 1.4 asks for, deprecates the
Angstrom, the only unit of wavelength that every viewer of spectra knows."""

ParamValue = str | float | int | bool | tuple[float, float]


def make_field(document: VOTableFile, column: Column) -> Field:
    """Make the FIELD of `column`, its name as ID."""
    made = Field(
        document, ID=column.name, name=column.name, datatype=column.datatype, arraysize=column.arraysize,
        unit=column.unit, ucd=column.ucd, utype=column.utype,
        config=_OF_1_3 if column.unit == "Angstrom" else OF_1_4,
    )  # fmt: skip
    made.description = column.description
    return made


def make_param(
    name: str,
    value: ParamValue = "",
    *,
    description: str | None = None,
    identifier: str | None = None,
    unit: str | None = None,
    ucd: str | None = None,
    utype: str | None = None,
    ref: str | None = None,
    options: Sequence[tuple[str, str]] = (),
) -> Param:
    """Make a PARAM whose type follows from `value`.

    Parameters
    ----------
    identifier
        XML ID, for PARAMs that others refer to.
    ref
        XML ID of the FIELD the value is taken from.
    options
        Name and value of the values that are possible.
    """
    value = printable(value) if isinstance(value, str) else value
    datatype, arraysize = _type(value)
    document = VOTableFile(version=VERSION)
    with ELEMENTS:
        made = Param(
            document, ID=identifier or "param", name=name, value=value, datatype=datatype,
            arraysize=arraysize, unit=unit, ucd=ucd, utype=utype, ref=ref, config=OF_1_4,
        )  # fmt: skip
    made._ID = identifier
    made.description = description
    made.values = Values(document, made, config=OF_1_4)
    made.values.options.extend(options)
    return made


def declare_prefix(document: bytes, prefix: str, *, namespace: str) -> bytes:
    """Declare the prefix of utypes on the root element, which astropy cannot."""
    return document.replace(b"<VOTABLE ", f'<VOTABLE xmlns:{prefix}="{namespace}" '.encode(), 1)


def _type(value: ParamValue) -> tuple[str, str | None]:
    if isinstance(value, bool):
        return "boolean", None
    if isinstance(value, int):
        return "long", None
    if isinstance(value, float):
        return "double", None
    if isinstance(value, tuple):
        return "double", "2"
    return ("char" if value.isascii() else "unicodeChar"), "*"
