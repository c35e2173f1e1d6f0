"""Spectra in VOTables (TABLEDATA, BINARY, BINARY2), and the guard against hostile documents."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from xml.etree.ElementTree import ParseError

import numpy as np
import numpy.typing as npt
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from vo_emline.errors import DataError, UserError
from vo_emline.spectra.astropy_warnings import warnings_collected
from vo_emline.spectra.cards import Chain, number
from vo_emline.spectra.columns import ColumnInfo, holds_spectrum, roles
from vo_emline.spectra.fits import several
from vo_emline.spectra.identity import Row, resolving_power
from vo_emline.spectra.medium import Medium
from vo_emline.spectra.ondrejov import RESOLVING_POWER
from vo_emline.spectra.parts import WHOLE, Part
from vo_emline.spectra.spectrum import Spectrum
from vo_emline.spectra.surveys import recognise
from vo_emline.spectra.table import SpectrumTable, spectrum_from_table
from vo_emline.spectra.votable_identity import parameters, votable_identity

_ROOT: Final = re.compile(rb"<(\w+:)?VOTABLE[\s>]")

_BROKEN: Final = (ValueError, IndexError, KeyError, TypeError, AttributeError, OSError, EOFError)
"""What astropy raises on broken VOTables beside its own exceptions."""


def refuse_hostile(content: bytes, *, source: str) -> None:
    """Refuse an XML document that could make a VOTable parser read files or addresses.

    To be called before astropy sees a VOTable that came from elsewhere:
    astropy opens ``<STREAM href="file:///…">``, and a DOCTYPE can define
    entities that grow without bound.

    Parameters
    ----------
    content
        The document.
    source
        The file or address it came from.

    Raises
    ------
    DataError
        ``hostile`` for a DOCTYPE, an entity or a STREAM with ``href``;
        ``broken`` where it is not well-formed.
    """
    try:
        for _, element in iterparse(io.BytesIO(content), events=("start",), forbid_dtd=True):
            if element.tag.rpartition("}")[2].upper() == "STREAM" and "href" in element.attrib:
                raise DataError(source, "hostile", "its data are a link to somewhere else (STREAM href)")
            element.clear()
    except DefusedXmlException as error:
        raise DataError(source, "hostile", "it declares a document type or entities") from error
    except (ParseError, ValueError, LookupError) as error:
        raise DataError(source, "broken", f"not well-formed XML: {error}") from error


def read_votable(
    content: bytes, *, source: str, part: Part = WHOLE, medium: Medium | None = None
) -> Spectrum:
    """Make a spectrum of a VOTable that holds one, or of the row that is asked for.

    Parameters
    ----------
    content
        The document.
    source
        The file, as the user named it.
    part
        Which row, where each row holds a spectrum; or which table, from 0.
    medium
        Medium of the wavelengths, stated by the user; None to go by the evidence.

    Raises
    ------
    DataError
        As :func:`refuse_hostile`, ``not_a_spectrum`` where no table has a
        wavelength and a flux, ``several_spectra``, or any reason of
        :func:`~vo_emline.spectra.table.spectrum_from_table`.
    UserError
        The document has no such part.
    """
    document = _document(content, source)
    found = _list(document, source)
    if part == WHOLE:
        if len(found) > 1:
            raise several(source, [one for one, _ in found])
        return _read_table(found[0][1], document=document, source=source, medium=medium)
    for one, table in found:
        if one == part or (len(found) == 1 and part.row in {None, 1}):
            return _read_table(table, document=document, source=part.of(source), medium=medium)
    raise UserError(f"{source} has no spectrum {part.of('')}; it has {len(found)}")


def iter_votable(
    content: bytes, *, source: str, medium: Medium | None = None
) -> Iterator[Spectrum | DataError]:
    """Give every spectrum of a VOTable under its own name, or why it cannot be had.

    Parameters and errors of the document as a whole are those of :func:`read_votable`.
    """
    document = _document(content, source)
    found = _list(document, source)
    for part, table in found:
        name = part.of(source) if len(found) > 1 else source
        try:
            yield _read_table(table, document=document, source=name, medium=medium)
        except DataError as error:
            yield error


@dataclass(frozen=True, slots=True)
class _Held:
    """A table that holds a spectrum, or the row of one that does."""

    table: Any
    columns: list[ColumnInfo]
    row: int | None = None


def _document(content: bytes, source: str) -> Any:
    if not _ROOT.search(content[:65_536]):
        raise DataError(source, "foreign", "an XML or HTML document, but not a VOTable")
    refuse_hostile(content, source=source)
    return _parse(content, source)


def _list(document: Any, source: str) -> list[tuple[Part, _Held]]:
    """Find the spectra of a document: tables, by number from 0, and rows."""
    tables = [(n, held) for n, table in enumerate(document.iter_tables()) if (held := _held(table))]
    found = []
    for place, rows in tables:
        where = place if len(tables) > 1 else None
        found += [(Part(where, one.row if len(rows) > 1 else None), one) for one in rows]
    if found:
        return found
    message = _error_message(document) or "no table with a wavelength and a flux column"
    raise DataError(source, "not_a_spectrum", message)


def _held(table: Any) -> list[_Held]:
    """Find the spectra of a table: itself, or each row with arrays; none where it holds none."""
    columns = [_describe(field) for field in table.fields]
    if not holds_spectrum(columns):
        return []
    flux = table.array[table.fields[roles(columns)["flux"]].ID]
    if flux.dtype != object and flux.ndim == 1:
        return [_Held(table, columns)] if len(flux) else []
    return [_Held(table, columns, n) for n, cell in enumerate(flux, start=1) if np.size(cell) > 1]


def _error_message(document: Any) -> str:
    """Give what a service wrote where it answered with an error (DALI 1.1, section 4.4)."""
    infos = [info for resource in document.resources for info in resource.infos]
    error = next((info for info in infos if info.name == "QUERY_STATUS" and info.value == "ERROR"), None)
    return "" if error is None else f"the answer of a service that failed: {(error.content or '').strip()}"


def _parse(content: bytes, source: str) -> Any:
    from astropy.io import votable  # slow to import, and most spectra are FITS

    with warnings_collected(source):
        try:
            return votable.parse(io.BytesIO(content), verify="ignore", invalid="mask")
        except (votable.exceptions.VOWarning, *_BROKEN) as error:
            raise DataError(source, "broken", f"not readable as VOTable: {error}") from error


def _read_table(held: _Held, *, document: Any, source: str, medium: Medium | None) -> Spectrum:
    table, columns = held.table, held.columns
    values = parameters([*_params_of(table), *_params_around(document, table)])
    cards = _cards(values, document)
    names = [column.name for column in columns]
    if held.row is not None:
        cards = Chain(Row(table.array[held.row - 1], table.array.dtype.names), cards)
    survey = recognise(cards, names)
    identity = votable_identity(values, source=source, cards=cards, survey=survey)
    stated = number(values, "char.spectralaxis.respower", "spectralaxis.respower")
    needed = set(roles(columns, survey.columns if survey else None).values())
    arrays = [_cell(table.array[field.ID], held.row) if i in needed else np.empty(0)
              for i, field in enumerate(table.fields)]  # fmt: skip
    return spectrum_from_table(
        SpectrumTable(
            columns=columns,
            arrays=arrays,
            layout="votable",
            identity=identity,
            resolving_power=stated or resolving_power(cards) or RESOLVING_POWER.get(identity.survey),
            cards=cards,
            remarks=[str(said.description) for said in (document, table) if said.description],
            survey=survey,
        ),
        medium=medium,
    )


def _params_around(document: Any, table: Any) -> list[Any]:
    """Give the PARAMs of the resource that a table stands in, then those of the others without a table."""
    own = [r for r in document.resources if any(one is table for one in r.iter_tables())]
    others = [r for r in document.resources if not any(True for _ in r.iter_tables())]
    return [param for resource in (*own, *others) for param in _params_of(resource)]


def _params_of(element: Any) -> list[Any]:
    """Give the PARAMs of a table or resource, then those of its GROUPs, in which the data model puts them."""
    from astropy.io.votable.tree import Group, Param

    found, groups = list(element.params), deque(element.groups)
    while groups:
        for entry in groups.popleft().entries:
            if isinstance(entry, Group):
                groups.append(entry)
            elif isinstance(entry, Param):
                found.append(entry)
    return found


def _cards(values: dict[str, Any], document: Any) -> Chain:
    """Give PARAMs and INFOs as header cards."""
    infos = [*document.infos, *(info for resource in document.resources for info in resource.infos)]
    said = {(info.name or "").upper(): info.value for info in infos}
    return Chain(
        {key.upper(): value for key, value in values.items() if isinstance(value, (str, int, float))}, said
    )


def _cell(column: Any, row: int | None) -> npt.NDArray[Any]:
    """Give a column, or the array in one of its cells, with nulls as NaN where it holds numbers."""
    return _unmasked(column if row is None else np.ma.asarray(column[row - 1]).ravel())


def _unmasked(column: Any) -> npt.NDArray[Any]:
    """Turn nulls into NaN where the column holds numbers."""
    if column.dtype.kind not in "iuf":
        return np.asarray(column)
    return np.ma.filled(column.astype(np.float64), np.nan)


def _describe(field: Any) -> ColumnInfo:
    return ColumnInfo(
        name=field.name or field.ID or "",
        unit=str(field.unit or ""),
        ucd=field.ucd or "",
        utype=field.utype or "",
        description=field.description or "",
    )
