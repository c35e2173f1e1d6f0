"""Spectra in VOTables (TABLEDATA, BINARY, BINARY2), and the guard against hostile documents."""

from __future__ import annotations

import io
import re
from typing import Any, Final
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from vo_emline.errors import DataError
from vo_emline.spectra.cards import number
from vo_emline.spectra.columns import ColumnInfo, SpectrumTable, holds_spectrum, spectrum_from_table
from vo_emline.spectra.leniency import warnings_collected
from vo_emline.spectra.ondrejov import RESOLVING_POWER
from vo_emline.spectra.spectrum import Medium, Spectrum
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


def read_votable(content: bytes, *, source: str, medium: Medium | None = None) -> Spectrum:
    """Make a spectrum of the first table of a VOTable that holds one.

    Parameters
    ----------
    content
        The document.
    source
        The file, as the user named it.
    medium
        Medium of the wavelengths; None to go by their FIELD's description.

    Raises
    ------
    DataError
        As :func:`refuse_hostile`, ``not_a_spectrum`` where no table has a
        wavelength and a flux, or any reason of
        :func:`~vo_emline.spectra.columns.spectrum_from_table`.
    """
    if not _ROOT.search(content[:65_536]):
        raise DataError(source, "foreign", "an XML or HTML document, but not a VOTable")
    refuse_hostile(content, source=source)
    document = _parse(content, source)
    for table in document.iter_tables():
        columns = [_describe(field) for field in table.fields]
        if holds_spectrum(columns):
            return _read_table(table, columns, document=document, source=source, medium=medium)
    message = _error_message(document) or "no table with a wavelength and a flux column"
    raise DataError(source, "not_a_spectrum", message)


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


def _read_table(
    table: Any, columns: list[ColumnInfo], *, document: Any, source: str, medium: Medium | None
) -> Spectrum:
    values = parameters([*table.params, *(p for r in document.resources for p in r.params)])
    identity = votable_identity(values, source=source)
    stated = number(values, "char.spectralaxis.respower", "spectralaxis.respower")
    return spectrum_from_table(
        SpectrumTable(
            columns=columns,
            arrays=[_unmasked(table.array[field.ID]) for field in table.fields],
            layout="votable",
            identity=identity,
            resolving_power=stated or RESOLVING_POWER.get(identity.survey),
        ),
        medium=medium,
    )


def _unmasked(column: Any) -> Any:
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
