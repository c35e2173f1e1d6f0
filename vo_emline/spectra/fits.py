"""FITS files: opening them without trust, and finding the spectra in them."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vo_emline.errors import DataError, UserError
from vo_emline.spectra.astropy_warnings import warnings_collected
from vo_emline.spectra.cards import Cards, Chain, text
from vo_emline.spectra.dispersion import step_of
from vo_emline.spectra.fits_beside import beside
from vo_emline.spectra.fits_image import COMPANIONS, is_spectrum_image, lines_of, read_fits_image
from vo_emline.spectra.fits_refusals import what_it_holds
from vo_emline.spectra.fits_rows import find_rows, read_lines, read_row
from vo_emline.spectra.fits_table import filled_rows, is_spectrum_table, read_fits_table
from vo_emline.spectra.identity import Row
from vo_emline.spectra.lamost import is_lamost
from vo_emline.spectra.lamost_image import is_lamost_image, read_lamost_image
from vo_emline.spectra.lamost_table import best_at_halpha, is_lamost_table, read_lamost_table
from vo_emline.spectra.medium import Medium
from vo_emline.spectra.orders import covers_halpha, order_at_halpha, said_in_layout
from vo_emline.spectra.parts import Part
from vo_emline.spectra.spectrum import Spectrum
from vo_emline.spectra.structure import spans
from vo_emline.spectra.surveys import Survey, recognise


@contextmanager
def _broken_told(source: str, heard: Sequence[warnings.WarningMessage] = ()) -> Iterator[None]:
    """Turn what astropy raises at a damaged file into a ``DataError``; `heard` are its warnings."""
    from astropy.io.fits.verify import VerifyError  # slow to import, and surveys read most files without it

    try:
        yield
    except (OSError, TypeError, ValueError, KeyError, IndexError, AttributeError, VerifyError) as error:
        if any("truncated" in str(warning.message) for warning in heard):
            raise DataError(source, "truncated", "the file ends before its data do") from error
        raise DataError(source, "broken", f"not readable as FITS: {error}"[:300]) from error


"""What astropy raises on broken files, as measured by cutting and corrupting real ones."""

Listed = Sequence[tuple[Part, "_Spectrum"]]


@dataclass(frozen=True, slots=True)
class _Spectrum:
    """Where a spectrum lies in an open file, and what it is known to be of."""

    hdu: Any
    survey: Survey | None = None
    row: int | None = None
    kind: str = ""
    """``lamost-image``, ``lamost-table``, ``image``, ``planes``, ``rows`` or ``table``."""
    orders: int = 0
    """How many orders of an échelle it is one of; 0 where it is none."""


class FitsFile:
    """An open FITS file whose HDUs have been looked at before a library was.

    Parameters
    ----------
    content
        The whole file, not compressed.
    source
        The file, as the user named it.

    Raises
    ------
    DataError
        ``broken`` or ``truncated`` where not even the first HDU is sound.
    """

    def __init__(self, hdus: Any, n_sound: int, damage: DataError | None, source: str) -> None:
        self._hdus, self._n_sound, self._damage, self.source = hdus, n_sound, damage, source
        self.header: Any = hdus[0].header

    def __iter__(self) -> Iterator[Any]:
        for index in range(self._n_sound):
            yield self._hdus[index]
        if self._damage is not None:
            raise self._damage

    def sound(self) -> Iterator[tuple[int, Any]]:
        """Give the number and the content of every HDU before the damage, if there is any."""
        for index in range(self._n_sound):
            yield index, self._hdus[index]

    def raise_damage(self) -> None:
        """Raise what ended the sound part of the file, if anything."""
        if self._damage is not None:
            raise self._damage

    def named(self, name: int | str) -> Any:
        """Give an HDU by its number or its name in any case; None where there is none."""
        for index, hdu in self.sound():
            if index == name or (isinstance(name, str) and hdu.name.upper() == name.upper()):
                return hdu
        return None

    def remarks(self, hdu: Any) -> list[str]:
        """Give the comments and the history of the file and of an HDU, line by line."""
        found = []
        for header in (hdu.header, self.header):
            for key in ("COMMENT", "HISTORY"):
                if key in header:
                    found += [str(line) for line in header[key]][:2000]
        return found


@contextmanager
def opened_fits(content: bytes, *, source: str) -> Iterator[FitsFile]:
    """Open a FITS file; what goes wrong inside of the block becomes a ``DataError``.

    Only what is sound is given to astropy: a file that is damaged behind the spectrum is read all the same.

    Parameters
    ----------
    content
        The whole file, not compressed.
    source
        The file, as the user named it.

    Raises
    ------
    DataError
        ``truncated`` or ``broken``.
    """
    from astropy.io import fits  # slow to import, and surveys read most files without it

    end, count, damage = 0, 0, None
    try:
        for span in spans(content, source=source):
            end, count = span.end, count + 1
    except DataError as error:
        damage = error
    if not count:
        raise damage or DataError(source, "broken", "no header of FITS")
    sound = content if damage is None else content[:end]
    with (
        warnings_collected(source) as heard,
        _broken_told(source, heard),
        fits.open(io.BytesIO(sound), memmap=False, lazy_load_hdus=True) as hdus,
    ):
        yield FitsFile(hdus, count, damage, source)


def read_fits(content: bytes, *, source: str, part: Part, medium: Medium | None = None) -> Spectrum:
    """Make the spectrum of the bytes of a FITS file that holds one, or the part that is asked for.

    Parameters
    ----------
    content
        The whole file, not compressed.
    source
        The file, as the user named it.
    part
        Which spectrum, for files with more than one. By default the only one, or the best at Hα of a file
        that is about one star.
    medium
        Medium of the wavelengths, stated by the user.

    Raises
    ------
    DataError
        ``truncated``, ``broken``, ``not_a_spectrum``, ``several_spectra``, or a reason of the
        reader of its layout.
    UserError
        Where `part` is not in the file, or holds no spectrum.
    """
    with opened_fits(content, source=source) as file:
        if part.extension is None and part.row is None:
            found = list_spectra(file)
            if len(found) > 1:
                raise several(source, [one for one, _ in found])
            return _read_listed(file, found[0][1], medium, source)
        return _read_part(file, part, medium)


def iter_fits(content: bytes, *, source: str, medium: Medium | None = None) -> Iterator[Spectrum | DataError]:
    """Give every spectrum of a FITS file under its own name, or why it cannot be had.

    Parameters and errors of the file as a whole are those of :func:`read_fits`.
    """
    with opened_fits(content, source=source) as file:
        found = list_spectra(file, every=True)
        for part, one in found:
            name = part.of(source) if len(found) > 1 else source
            try:
                with _broken_told(name):
                    spectrum = _read_listed(file, one, medium, name)
            except DataError as error:
                yield error
            else:
                yield spectrum


def several(source: str, found: Sequence[Part]) -> DataError:
    """Say that a file holds several spectra, and what they are called."""
    names = ", ".join(part.of(source.rpartition("/")[2]) for part in found[:3])
    more = ", …" if len(found) > 3 else ""
    message = (
        f"it holds {len(found)} spectra; name one of them ({names}{more}), of the orders of an échelle that "
        "with Hα, or read them all (read_all, classify --each)"
    )
    return DataError(source, "several_spectra", message)


def list_spectra(file: FitsFile, *, every: bool = False) -> Listed:
    """Find the spectra of a file; one where all are of one star, or with `every` all orders of an échelle.

    Raises
    ------
    DataError
        ``not_a_spectrum`` where there is none, or what damaged the file before one came.
    """
    if is_lamost(file.header):
        found = _of_lamost(file)
        if found:
            return found
    names = [hdu.name for _, hdu in file.sound()]
    survey = recognise(file.header, names)
    listed = _of_survey(file, survey) or _in_general(file, survey, every=every)
    if not listed:
        file.raise_damage()
        raise DataError(file.source, "not_a_spectrum", what_it_holds(hdu for _, hdu in file.sound()))
    return listed


def _of_lamost(file: FitsFile) -> Listed:
    first = next((hdu for hdu in file if is_lamost_image(hdu.header) or is_lamost_table(hdu)), None)
    if first is None:
        return []
    if is_lamost_image(first.header):
        return [(Part(), _Spectrum(first, kind="lamost-image"))]
    return [(Part(), _Spectrum(best_at_halpha(file), kind="lamost-table"))]


def _of_survey(file: FitsFile, survey: Survey | None) -> Listed:
    """List the spectra of surveys that spread them over several HDUs."""
    if survey is None:
        return []
    if survey.rows is not None:
        found = find_rows(file, survey.rows)
        if found is not None:
            return [(Part(row=row), _Spectrum(found, survey, row, "rows")) for row in found.filled()]
    if survey.lines is not None and np.ndim(file.named(0).data) == 2 and step_of(file.header):
        return [(Part(), _Spectrum(file.named(0), survey, kind="lines"))]
    if survey.planes is not None:
        flux = file.named(survey.planes.flux)
        if flux is not None and is_spectrum_image(flux):
            return [(Part(), _Spectrum(flux, survey, kind="planes"))]
    return []


def _in_general(file: FitsFile, known: Survey | None, *, every: bool) -> Listed:
    """List images and tables, HDU by HDU; companions of a flux do not count."""
    tables, images = [], []
    for number, hdu in file.sound():
        survey = known or recognise(Chain(hdu.header, file.header), _columns(hdu))
        if is_spectrum_table(hdu, survey):
            tables.append((number, hdu, survey))
        elif is_spectrum_image(hdu):
            images.append((number, hdu, survey))
    chosen = tables or _without_companions(images)
    if tables and images:
        chosen = sorted([*tables, *_of_others(_without_companions(images), tables)], key=lambda one: one[0])
    if len(chosen) > 1 and all(survey is not None and survey.one_star for *_, survey in chosen):
        chosen = _best(chosen)
    return _in_rows(chosen, every=every)


def _in_rows(chosen: Sequence[tuple[int, Any, Survey | None]], *, every: bool) -> Listed:
    listed: list[tuple[Part, _Spectrum]] = []
    for number, hdu, survey in chosen:
        rows = _rows_of(hdu, survey)
        kind = "table" if hasattr(hdu, "columns") else "image"
        where = number if len(chosen) > 1 else None
        if rows is None or len(rows) == 1:
            listed.append((Part(where), _Spectrum(hdu, survey, rows[0] if rows else None, kind)))
            continue
        order = order_at_halpha(hdu, rows, survey)
        taken, orders = (rows, 0) if order is None else (rows if every else [order], len(rows))
        listed += [(Part(where, row), _Spectrum(hdu, survey, row, kind, orders)) for row in taken]
    return listed


def _rows_of(hdu: Any, survey: Survey | None) -> list[int] | None:
    if hasattr(hdu, "columns"):
        return filled_rows(hdu, survey)
    lines = lines_of(hdu.header)
    return None if lines == 1 else list(range(1, lines + 1))


def _without_companions(
    images: list[tuple[int, Any, Survey | None]],
) -> list[tuple[int, Any, Survey | None]]:
    if len(images) < 2:
        return images
    own = [one for one in images if not one[1].name or not COMPANIONS.fullmatch(one[1].name)]
    return own or images[:1]


def _of_others(
    images: Sequence[tuple[int, Any, Survey | None]], tables: Sequence[tuple[int, Any, Survey | None]]
) -> list[tuple[int, Any, Survey | None]]:
    """Give the images that say themselves that they are of another star than the tables beside them."""
    known = [_star(hdu.header) for _, hdu, _ in tables]
    return [
        one
        for one in images
        if all(_star(one[1].header)) and _star(one[1].header) not in known and all(map(any, known))
    ]


def _star(header: Any) -> tuple[str, str]:
    """Give what a header itself says of who its spectrum is of: the name and the right ascension."""
    return text(header, "OBJECT", "OBJNAME", "TARGNAME"), text(header, "RA", "RA_TARG", "OBJCTRA")


def _best(
    tables: Sequence[tuple[int, Any, Survey | None]],
) -> list[tuple[int, Any, Survey | None]]:
    """Choose of the spectra of one star: the preferred by name, then the first that covers Hα."""
    survey = tables[0][2]
    pattern = survey.prefer if survey else ""
    named = [one for one in tables if pattern and re.search(pattern, one[1].name, re.IGNORECASE)] or list(
        tables
    )
    filled = [one for one in named if one[1].header.get("NAXIS2", 1)] or named
    return [next((one for one in filled if covers_halpha(one[1], one[2])), filled[0])]


def _columns(hdu: Any) -> list[str]:
    return list(hdu.columns.names) if hasattr(hdu, "columns") else []


def _read_part(file: FitsFile, part: Part, medium: Medium | None) -> Spectrum:
    """Read the spectrum in an HDU, or in a row, that the user names."""
    name = part.of(file.source)
    if part.extension is None:
        found = {one.row: spectrum for one, spectrum in list_spectra(file, every=True)}
        rows = {spectrum.row or number: spectrum for number, spectrum in enumerate(found.values(), start=1)}
        if part.row not in rows:
            raise UserError(f"{file.source} has no spectrum in row {part.row}; it has {len(rows)}")
        return _read_listed(file, rows[part.row], medium, name)
    names = []
    for index, hdu in file.sound():
        if str(part.extension).upper() in {hdu.name, str(index)}:
            known = _known_as(file, hdu)
            if known is not None:
                return _read_listed(file, _row_of(file, hdu, known, part), medium, name)
        names.append(hdu.name or str(index))
    file.raise_damage()
    raise UserError(
        f"{file.source} has no spectrum in extension {part.extension!r}; it has {', '.join(names)}"
    )


def _known_as(file: FitsFile, hdu: Any) -> _Spectrum | None:
    """Tell which reader an HDU is for; None where it holds no spectrum."""
    if is_lamost(file.header) and is_lamost_image(hdu.header):
        return _Spectrum(hdu, kind="lamost-image")
    if is_lamost(file.header) and is_lamost_table(hdu):
        return _Spectrum(hdu, kind="lamost-table")
    survey = recognise(Chain(hdu.header, file.header), _columns(hdu))
    if is_spectrum_image(hdu):
        return _Spectrum(hdu, survey, kind="image")
    return _Spectrum(hdu, survey, kind="table") if is_spectrum_table(hdu, survey) else None


def _row_of(file: FitsFile, hdu: Any, known: _Spectrum, part: Part) -> _Spectrum:
    if known.kind.startswith("lamost"):
        return known
    rows = _rows_of(hdu, known.survey)
    if rows is None:
        return known
    if part.row is None:
        if len(rows) != 1:
            raise several(file.source, [Part(part.extension, row) for row in rows])
        return _Spectrum(hdu, known.survey, rows[0], known.kind)
    if part.row not in rows:
        raise UserError(f"{part.of(file.source)}: that row holds no spectrum; {len(rows)} rows do")
    return _Spectrum(hdu, known.survey, part.row, known.kind)


def _told(file: FitsFile, survey: Survey | None) -> Cards:
    """Give the primary header, and behind it the row of the table that a survey keeps who the star is in."""
    for name in survey.about if survey is not None else ():
        table = file.named(name)
        if table is not None and hasattr(table, "columns") and len(table.data) == 1:
            return Chain(file.header, Row(table.data[0], table.columns.names))
    header: Cards = file.header
    return header


def _read_listed(file: FitsFile, one: _Spectrum, medium: Medium | None, source: str) -> Spectrum:
    found = _read_one(file, one, medium, source)
    if not one.orders:
        return found
    return replace(found, layout=said_in_layout(found.layout, one.row, one.orders))


def _read_one(file: FitsFile, one: _Spectrum, medium: Medium | None, source: str) -> Spectrum:
    hdu, survey = one.hdu, one.survey
    if one.kind == "lamost-image":
        return read_lamost_image(hdu.header, hdu.data, source=source)
    if one.kind == "lamost-table":
        return read_lamost_table(file.header, hdu, source=source)
    if one.kind == "rows" and survey is not None:
        return read_row(file.header, hdu, one.row or 1, survey, source=source, medium=medium)
    if one.kind == "table":
        return read_fits_table(
            _told(file, survey),
            hdu,
            source=source,
            medium=medium,
            row=one.row,
            survey=survey,
            remarks=file.remarks(hdu),
        )
    if one.kind == "lines" and survey is not None and survey.lines is not None:
        return read_lines(hdu, survey, survey.lines, source=source, medium=medium)
    planes = survey.planes if survey is not None and one.kind == "planes" else None
    around = beside(file, hdu, planes)
    return read_fits_image(
        Chain(hdu.header, file.header),
        hdu.data,
        source=source,
        medium=medium,
        line=one.row or 1,
        survey=survey,
        error=around.error,
        mask=around.mask,
        remarks=file.remarks(hdu),
        normalised_flux=around.normalised_flux,
    )
