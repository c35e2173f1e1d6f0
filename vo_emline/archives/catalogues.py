"""Catalogues of known objects: from a local table, from VizieR, from TAP services (SIMBAD, Gaia)."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Table, vstack
from astropy.units import Quantity

from vo_emline.archives.config import archives
from vo_emline.archives.known import RADIUS, WIDE, KnownObjects, Photometry, position_of_designation
from vo_emline.archives.search import query_errors
from vo_emline.errors import ArchiveError, UserError
from vo_emline.net.session import Session
from vo_emline.net.votable import text_of

NAME_COLUMNS: Final = ("designation", "main_id", "name", "lamost", "object", "id", "obj", "gcvs", "pnmain")
"""Names (lower case) of the column that names an object, in order of preference."""

TYPE_COLUMNS: Final = (
    "objtype_hou",
    "otype",
    "type",
    "class",
    "halpha_type",
    "pnstat",
    "vartype",
    "subclass",
    "sptype",
)
"""Names (lower case) of the column that says what it is."""

RA_COLUMNS: Final = ("_raj2000", "raj2000", "ra_icrs", "ra", "radeg")
"""Names (lower case) of the right ascension."""

DEC_COLUMNS: Final = ("_dej2000", "dej2000", "de_icrs", "dec", "dedeg", "decdeg", "decj2000")
"""Names (lower case) of the declination."""

GAIA_COLUMNS: Final = ("gaia_source_id", "source_id", "gaiadr3", "gaia_dr3", "gaiaedr3", "gaia", "source")
"""Names (lower case) of the Gaia identifier, as a number or as ``Gaia DR3 …``."""

G_COLUMNS: Final = ("phot_g_mean_mag", "Gmag", "G")
"""Names of the magnitude G of Gaia, as they are written: ``gmag`` is of another survey."""

BP_RP_COLUMNS: Final = ("bp_rp", "BP-RP")
"""Names of the colour BP − RP of Gaia, as they are written."""

PARALLAX_COLUMNS: Final = ("parallax", "plx", "plx_value")
"""Names (lower case) of the parallax."""

EPOCH_COLUMNS: Final = ("ref_epoch",)
"""Names (lower case) of the epoch of positions, Julian year."""

_CHUNK = 20_000
"""Positions in one upload: services take 100 000 and more, but answer slowly then."""

_GAIA: Final = re.compile(r"(?:Gaia DR3 )?(\d{5,19})")
"""A number with fewer digits is no identifier of Gaia."""

_FORMATS: Final = {
    ".csv": "ascii.csv",
    ".vot": "votable",
    ".xml": "votable",
    ".fits": "fits",
    ".parquet": "parquet",
}


def read_known(path: Path, *, catalogue: str = "", kind: str = "") -> KnownObjects:
    """Read a catalogue from a file: CSV, VOTable, FITS or Parquet, told by the suffix.

    Parameters
    ----------
    path
        The file. It needs a column with names or designations, and positions
        (deg, or sexagesimal), unless the designations tell them.
    catalogue
        Short reference; by default the name of the file.
    kind
        What all its objects are, where no column says it.

    Raises
    ------
    UserError
        If the file cannot be read, or has no such columns.
    """
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise UserError(f"{path}: a catalogue is one of {', '.join(_FORMATS)}")
    try:
        table = Table.read(path, format=form)
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read the catalogue {path}: {error}") from error
    return known_from_table(table, catalogue=catalogue or path.stem, kind=kind)


@cache
def bright_known() -> KnownObjects:
    """Give the bright, well-known emission-line stars that this package knows by itself.

    Names, positions (ICRS, J2000) and the types that SIMBAD gives them are in ``bright.csv``.
    """
    return read_known(Path(__file__).with_name("bright.csv"), catalogue="bright emission-line stars")


def known_from_table(
    table: Table, *, catalogue: str, kind: str = "", epoch: float = float("nan"), dense: bool = False
) -> KnownObjects:
    """Make known objects of a table, its columns found by their usual names.

    Parameters
    ----------
    table
        Names, and positions unless the names tell them; types, Gaia's identifiers, G (mag), BP − RP (mag) and
        parallax (mas) where it has them.
    catalogue
        Short reference.
    kind
        What all its objects are, where no column says it.
    epoch
        Epoch of the positions, Julian year, where no column ``ref_epoch`` says it.
    dense
        See :class:`~vo_emline.archives.known.KnownObjects`.

    Raises
    ------
    UserError
        If there is no column with names, or nothing that tells positions.
    """
    name = _find(table, (*NAME_COLUMNS, *GAIA_COLUMNS))
    if name is None:
        raise UserError(f"{catalogue}: no column with names: call it one of {', '.join(NAME_COLUMNS)}")
    names = [text_of(value).strip() for value in table[name]]
    column = _find(table, TYPE_COLUMNS)
    said = [""] * len(names) if column is None else [text_of(value).strip() for value in table[column]]
    types = [each or kind for each in said]
    positions, good = _positions(table, names, catalogue)
    kept = np.flatnonzero(good)
    photometry = _photometry(table)
    return KnownObjects(
        catalogue=catalogue,
        names=[names[i] for i in kept],
        types=[types[i] for i in kept],
        positions=positions[kept],
        epoch=_epoch(table, default=epoch),
        photometry=photometry and photometry.take(kept),
        dense=dense,
    )


def _photometry(table: Table) -> Photometry | None:
    """Give what a table says of brightness, colour and distance, if anything."""
    named = (
        next((one for one in table.colnames if one in names), None) for names in (G_COLUMNS, BP_RP_COLUMNS)
    )
    columns = [_find(table, GAIA_COLUMNS), *named, _find(table, PARALLAX_COLUMNS)]
    if columns == [None] * len(columns):
        return None
    g, bp_rp, parallax = (_numbers(table, name) for name in columns[1:])
    return Photometry(gaia_source_id=_gaia_ids(table, columns[0]), g=g, bp_rp=bp_rp, parallax=parallax)


def _numbers(table: Table, name: str | None) -> Any:
    """Give a column as numbers, NaN where there is none or none can be read."""
    if name is None:
        return np.full(len(table), np.nan)
    if table[name].dtype.kind in "OSU":
        return np.array([_number(text_of(value)) for value in table[name]], dtype=float)
    return np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _gaia_ids(table: Table, name: str | None) -> Any:
    """Give Gaia's identifiers; 0 for none: numbers, or the digits after ``Gaia DR3``."""
    if name is None:
        return np.zeros(len(table), dtype=np.int64)
    if table[name].dtype.kind in "iu":
        return np.ma.filled(np.ma.asarray(table[name]), 0).astype(np.int64)
    said = (_GAIA.fullmatch(text_of(value).strip()) for value in table[name])
    return np.array([int(found[1]) if found else 0 for found in said], dtype=np.int64)


def _epoch(table: Table, *, default: float) -> float:
    """Give the epoch of positions where the table says one for all."""
    name = _find(table, EPOCH_COLUMNS)
    said = np.unique(_numbers(table, name)) if name else np.array([])
    return float(said[0]) if len(said) == 1 and np.isfinite(said[0]) else default


def vizier_known(name: str, *, server: str | None = None) -> list[KnownObjects]:
    """Fetch a configured catalogue from VizieR.

    Parameters
    ----------
    name
        Its name in ``archives.toml`` (``zhang2022``).
    server
        Host (and port) of another VizieR than astroquery's.

    Returns
    -------
    list of KnownObjects
        One for each of its tables that has names and positions.

    Raises
    ------
    UserError
        If no such catalogue is configured for VizieR.
    ArchiveError
        If VizieR cannot be reached.
    """
    configured = archives().catalogues.get(name)
    if configured is None or configured.vizier is None:
        raise UserError(_no_vizier(name))
    from astroquery.vizier import Vizier  # slow to import

    options = {"vizier_server": server} if server else {}
    client = Vizier(columns=["*", "_RAJ2000", "_DEJ2000"], row_limit=-1, **options)
    with query_errors("VizieR query", f"https://{client.VIZIER_SERVER} {configured.vizier}"):
        tables = client.get_catalogs(configured.vizier)
    described = [table for table in tables if _find(table, NAME_COLUMNS) and _find(table, RA_COLUMNS)]
    return [
        known_from_table(
            table, catalogue=configured.short_title, kind=configured.type, epoch=configured.epoch
        )
        for table in described
    ]


def _no_vizier(name: str) -> str:
    catalogues = archives().catalogues
    known = ", ".join(key for key, value in catalogues.items() if value.vizier)
    url = catalogues[name].url if name in catalogues else None
    hint = f"; download {url} and read it as a local table" if url else ""
    return f"no catalogue {name!r} at VizieR (there are {known}){hint}"


def tap_known(
    name: str,
    positions: SkyCoord,
    *,
    radius: Quantity = WIDE,
    tap_url: str | None = None,
    session: Session | None = None,
) -> KnownObjects:
    """Ask a catalogue's TAP service for the objects around positions, many in one query.

    Parameters
    ----------
    name
        Of a catalogue that ``archives.toml`` has with a TAP service (``simbad``, ``gaia``).
    positions
        ICRS.
    radius
        How far around each; of catalogues so dense that something is always near, :data:`RADIUS` at most.
    tap_url
        Another service that has the same tables.
    session
        Session to use; a new one by default, one query after the other.

    Raises
    ------
    UserError
        If no such catalogue is configured.
    ArchiveError
        If the service cannot be reached, or does not give all rows.
    """
    from pyvo.dal import TAPService

    configured = archives().catalogues.get(name)
    if configured is None or configured.tap is None:
        raise UserError(f"no catalogue {name!r} with a TAP service is configured")
    url = tap_url or configured.tap
    around = min(radius, RADIUS) if configured.dense else radius
    circle = f"CIRCLE('ICRS', c.ra, c.dec, {float(around.to_value(u.deg))!r})"
    adql = (
        f"SELECT DISTINCT {configured.select} FROM TAP_UPLOAD.centres AS c JOIN {configured.source} "  # noqa: S608
        f"ON 1 = CONTAINS(POINT('ICRS', t.ra, t.dec), {circle})"
    )
    ra, dec = np.atleast_1d(positions.icrs.ra.deg), np.atleast_1d(positions.icrs.dec.deg)
    service = TAPService(url, session=session or Session())
    with query_errors(f"{configured.short_title} query", url):
        tables = [
            _around(
                service, adql, Table({"ra": ra[start : start + _CHUNK], "dec": dec[start : start + _CHUNK]})
            )
            for start in range(0, len(ra), _CHUNK)
        ]
    found = vstack(tables, metadata_conflicts="silent")
    return known_from_table(
        found,
        catalogue=configured.short_title,
        kind=configured.type,
        epoch=configured.epoch,
        dense=configured.dense,
    )


def _around(service: Any, adql: str, centres: Table) -> Table:
    """Give what a TAP service has around some positions, all of it."""
    from pyvo.dal import DALOverflowWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", DALOverflowWarning)
        try:
            result = service.run_sync(adql, maxrec=service.hardlimit, uploads={"centres": centres})
        except DALOverflowWarning as cut:
            raise ArchiveError(f"{service.baseurl}: {cut}, around {len(centres)} stars") from cut
    return result.to_table()


def _find(table: Table, names: Sequence[str]) -> str | None:
    by_name = {str(column).lower(): str(column) for column in table.colnames}
    return next((by_name[name] for name in names if name in by_name), None)


def _positions(table: Table, names: Sequence[str], catalogue: str) -> tuple[SkyCoord, Any]:
    """Give all positions, and which of them are real."""
    ra, dec = _find(table, RA_COLUMNS), _find(table, DEC_COLUMNS)
    if ra is None or dec is None:
        return _designated_positions(names, catalogue)
    if table[ra].dtype.kind in "OSU":
        return SkyCoord(table[ra], table[dec], unit=(u.hourangle, u.deg)), np.ones(len(table), dtype=bool)
    degrees: list[Any] = [np.ma.filled(np.ma.asarray(table[name], dtype=float), np.nan) for name in (ra, dec)]
    good = np.isfinite(degrees[0]) & np.isfinite(degrees[1])
    return SkyCoord(*(np.where(good, values, 0.0) for values in degrees), unit="deg"), good


def _designated_positions(names: Sequence[str], catalogue: str) -> tuple[SkyCoord, Any]:
    try:
        return SkyCoord([position_of_designation(name) for name in names]), np.ones(len(names), dtype=bool)
    except ValueError as error:
        raise UserError(f"{catalogue}: no columns with positions, and {error}") from error
