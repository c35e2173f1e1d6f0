"""Catalogues of known objects: from a local table, from VizieR, from SIMBAD."""

from __future__ import annotations

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
from vo_emline.archives.known import RADIUS, KnownObjects, position_of_designation
from vo_emline.archives.search import query_errors
from vo_emline.errors import UserError
from vo_emline.net.session import Session
from vo_emline.net.votable import text_of

NAME_COLUMNS: Final = ("designation", "main_id", "name", "lamost", "object", "id", "obj")
"""Names (lower case) of the column that names an object, in order of preference."""

TYPE_COLUMNS: Final = ("objtype_hou", "otype", "type", "class", "halpha_type", "subclass", "sptype")
"""Names (lower case) of the column that says what it is."""

RA_COLUMNS: Final = ("_raj2000", "raj2000", "ra_icrs", "ra", "radeg")
"""Names (lower case) of the right ascension."""

DEC_COLUMNS: Final = ("_dej2000", "dej2000", "de_icrs", "dec", "dedeg", "decdeg")
"""Names (lower case) of the declination."""

SIMBAD_TAP: Final = "https://simbad.cds.unistra.fr/simbad/sim-tap"
"""TAP service of SIMBAD."""

_CHUNK = 50_000
"""Positions in one upload to SIMBAD, which takes 200 000."""

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


def known_from_table(table: Table, *, catalogue: str, kind: str = "") -> KnownObjects:
    """Make known objects of a table, its columns found by their usual names.

    Raises
    ------
    UserError
        If there is no column with names, or nothing that tells positions.
    """
    name = _find(table, NAME_COLUMNS)
    if name is None:
        raise UserError(f"{catalogue}: no column with names: call it one of {', '.join(NAME_COLUMNS)}")
    names = [text_of(value).strip() for value in table[name]]
    column = _find(table, TYPE_COLUMNS)
    said = [""] * len(names) if column is None else [text_of(value).strip() for value in table[column]]
    types = [each or kind for each in said]
    positions, good = _positions(table, names, catalogue)
    kept = np.flatnonzero(good)
    return KnownObjects(
        catalogue=catalogue,
        names=[names[i] for i in kept],
        types=[types[i] for i in kept],
        positions=positions[kept],
    )


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
        known_from_table(table, catalogue=configured.short_title, kind=configured.type) for table in described
    ]


def _no_vizier(name: str) -> str:
    catalogues = archives().catalogues
    known = ", ".join(key for key, value in catalogues.items() if value.vizier)
    url = catalogues[name].url if name in catalogues else None
    hint = f"; download {url} and read it as a local table" if url else ""
    return f"no catalogue {name!r} at VizieR (there are {known}){hint}"


def simbad_known(
    positions: SkyCoord,
    *,
    radius: Quantity = RADIUS,
    tap_url: str = SIMBAD_TAP,
    session: Session | None = None,
) -> KnownObjects:
    """Ask SIMBAD for the objects around positions, many in one query.

    Parameters
    ----------
    positions
        ICRS.
    radius
        How far around each.
    tap_url
        TAP service of SIMBAD, or of a mirror.
    session
        Session to use; a new one by default.

    Raises
    ------
    ArchiveError
        If SIMBAD cannot be reached.
    """
    from astroquery.simbad import SimbadClass  # slow to import
    from pyvo.dal import TAPService

    class Simbad(SimbadClass):  # type: ignore[misc]  # astroquery has no types
        tap = TAPService(tap_url, session=session or Session())

    ra, dec = np.atleast_1d(positions.icrs.ra.deg), np.atleast_1d(positions.icrs.dec.deg)
    circle = f"CIRCLE('ICRS', c.ra, c.dec, {float(radius.to_value(u.deg))!r})"
    adql = (
        "SELECT DISTINCT basic.main_id, basic.otype, basic.ra, basic.dec FROM TAP_UPLOAD.centres AS c "  # noqa: S608
        f"JOIN basic ON CONTAINS(POINT('ICRS', basic.ra, basic.dec), {circle}) = 1"
    )
    tables = []
    with query_errors("SIMBAD query", tap_url):
        client = Simbad()
        for start in range(0, len(ra), _CHUNK):
            centres = Table({"ra": ra[start : start + _CHUNK], "dec": dec[start : start + _CHUNK]})
            tables.append(client.query_tap(adql, maxrec=client.hardlimit, centres=centres))
    return known_from_table(vstack(tables, metadata_conflicts="silent"), catalogue="SIMBAD")


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
