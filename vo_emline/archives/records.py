"""What an archive says of one spectrum, from the row of an SSA or TAP answer."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from astropy.io.votable.tree import TableElement

from vo_emline.archives.datalink import ServiceDescriptor
from vo_emline.net.repairs import mjd_of, plain_utype
from vo_emline.net.votable import text_of

_NUMBER = re.compile(r"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveRecord:
    """One spectrum that an archive holds."""

    publisher_did: str
    """Publisher dataset identifier, the key of everything."""
    target: str = ""
    """Name of the object, as the archive gives it."""
    ra: float | None = None
    """Right ascension, ICRS, deg."""
    dec: float | None = None
    """Declination, ICRS, deg."""
    epoch_mjd: float | None = None
    """Middle of the exposure, MJD (d)."""
    exposure_s: float | None = None
    wave_min: float | None = None
    """First wavelength, m, in the archive's medium."""
    wave_max: float | None = None
    """Last wavelength, m, in the archive's medium."""
    access_url: str = ""
    """Where the archive's own file lies."""
    access_format: str = ""
    """Media type of that file."""
    descriptor: ServiceDescriptor | None = field(default=None, repr=False)
    """The service that gives the spectrum calibrated, cut out and converted; None where there is none."""


_UTYPES: Final = {
    "publisher_did": ("curation.publisherdid",),
    "target": ("target.name",),
    "epoch_mjd": ("char.timeaxis.coverage.location.value",),
    "exposure_s": ("char.timeaxis.coverage.bounds.extent",),
    "wave_min": ("char.spectralaxis.coverage.bounds.start",),
    "wave_max": ("char.spectralaxis.coverage.bounds.stop",),
    "access_url": ("access.reference",),
    "access_format": ("access.format",),
    "position": (
        "astrocoords.position2d.value2",  # of double precision where the next one is of single
        "char.spatialaxis.coverage.location.value",
        "target.pos",
        "target.pos.spoint",
    ),
}
"""Where SSA 1.1 puts each property (utypes without prefix), in order of preference."""

_NAMES: Final = {
    "publisher_did": ("ssa_pubdid", "obs_publisher_did", "publisher_did"),
    "target": ("ssa_targname", "target_name", "designation"),
    "epoch_mjd": ("ssa_dateobs",),
    "exposure_s": ("ssa_timeext", "t_exptime"),
    "wave_min": ("ssa_specstart", "em_min"),
    "wave_max": ("ssa_specend", "em_max"),
    "access_url": ("accref", "access_url"),
    "access_format": ("mime", "access_format"),
    "position": ("ssa_location",),
    "ra": ("s_ra", "ra", "location_ra"),
    "dec": ("s_dec", "dec", "location_dec"),
}
"""Names of the columns where a service gives no utypes (TAP does not have to)."""


def read_records(table: TableElement, descriptor: ServiceDescriptor | None = None) -> list[ArchiveRecord]:
    """Read the rows of an SSA answer, or of a TAP answer with such columns.

    Rows that differ only in the file format (the archive's image and its
    VOTable sibling) become one record, which keeps the FITS file.

    Parameters
    ----------
    table
        The table, as the tolerant reader gives it.
    descriptor
        Service that all records share.
    """
    columns = _Columns(table)
    return merge_formats(columns.record(row, descriptor) for row in range(len(table.array)))


def merge_formats(records: Iterable[ArchiveRecord]) -> list[ArchiveRecord]:
    """Keep one record per publisher DID, a FITS file before any other; rows without DID are dropped."""
    kept: dict[str, ArchiveRecord] = {}
    for record in records:
        known = kept.get(record.publisher_did)
        if record.publisher_did and (known is None or _is_fits(record) > _is_fits(known)):
            kept[record.publisher_did] = record
    return list(kept.values())


def _is_fits(record: ArchiveRecord) -> bool:
    return "fits" in record.access_format or record.access_format == "application/gzip"


class _Columns:
    """The columns of a table, found by meaning."""

    def __init__(self, table: TableElement) -> None:
        found = {key: _find(table, key) for key in {*_UTYPES, *_NAMES}}
        self._columns = {key: table.array[name] for key, name in found.items() if name is not None}

    def record(self, row: int, descriptor: ServiceDescriptor | None) -> ArchiveRecord:
        """Read one row."""
        ra, dec = self._position(row)
        return ArchiveRecord(
            publisher_did=self._text("publisher_did", row),
            target=self._text("target", row),
            ra=ra,
            dec=dec,
            epoch_mjd=self._epoch(row),
            exposure_s=self._number("exposure_s", row),
            wave_min=self._number("wave_min", row),
            wave_max=self._number("wave_max", row),
            access_url=self._text("access_url", row),
            access_format=self._text("access_format", row),
            descriptor=descriptor,
        )

    def _cell(self, key: str, row: int) -> Any:
        return self._columns[key][row] if key in self._columns else None

    def _text(self, key: str, row: int) -> str:
        return text_of(self._cell(key, row)).strip()

    def _number(self, key: str, row: int) -> float | None:
        return _finite(self._cell(key, row))

    def _epoch(self, row: int) -> float | None:
        said = self._text("epoch_mjd", row)
        return mjd_of(said) if "-" in said[1:] and "e-" not in said.lower() else _finite(said or None)

    def _position(self, row: int) -> tuple[float | None, float | None]:
        pair = _pair(self._cell("position", row))
        return pair or (self._number("ra", row), self._number("dec", row))


def _find(table: TableElement, key: str) -> str | None:
    """Find the column with a meaning; of several with one utype the most precise."""
    columns = sorted(table.fields, key=lambda column: column.datatype != "double")
    for utype in _UTYPES.get(key, ()):
        for column in columns:
            if plain_utype(column.utype) == utype:
                return str(column.ID)
    for name in _NAMES.get(key, ()):
        for column in columns:
            if str(column.name).lower() == name:
                return str(column.ID)
    return None


def _finite(value: Any) -> float | None:
    if value is None or value is np.ma.masked:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _pair(value: Any) -> tuple[float, float] | None:
    """Read a position: two numbers, or their text (``Position ICRS 345.02 56.94``, ``(345.02, 56.94)``)."""
    if value is None or value is np.ma.masked:
        return None
    if isinstance(value, str | bytes):
        found = _NUMBER.findall(text_of(value))[-2:]
    else:
        found = list(np.ma.filled(np.ma.asarray(value, dtype=float), np.nan).ravel())[:2]
    numbers = [_finite(part) for part in found]
    return (numbers[0], numbers[1]) if len(numbers) == 2 and None not in numbers else None  # type: ignore[return-value]
