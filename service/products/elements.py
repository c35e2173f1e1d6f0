"""Elements of VOTables that astropy makes with care only: fields and parameters of version 1.4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from astropy.io.votable.tree import Field, Param, Values, VOTableFile

from service.votable.header import ELEMENTS, VERSION, printable
from vo_emline.tables import Column

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
