"""Known objects from a HATS catalogue of a whole survey (Gaia, ZTF, …), of which only what is near is read.

HATS divides a catalogue into one Parquet file for each piece of the sky. Of these, those around the positions
that are asked about are read, one after the other and only the columns that matter, so that a catalogue of
10⁹ rows needs the memory of one piece.
"""

from __future__ import annotations

from pathlib import Path
from textwrap import shorten
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from astropy import units as u
from astropy.coordinates import SkyCoord, search_around_sky
from astropy.table import Table, vstack
from astropy.units import Quantity

from vo_emline.archives.catalogues import (
    BP_RP_COLUMNS,
    EPOCH_COLUMNS,
    G_COLUMNS,
    GAIA_COLUMNS,
    NAME_COLUMNS,
    PARALLAX_COLUMNS,
    TYPE_COLUMNS,
    known_from_table,
)
from vo_emline.archives.known import WIDE, KnownObjects
from vo_emline.errors import ArchiveError, UserError

_MARKS: Final = ("hats.properties", "properties", "collection.properties")
"""Files of which a HATS catalogue has one."""

_ORDER: Final = 29
_DIRECTIONS: Final = 16
_CROWDED: Final = 0.01
"""Objects expected by chance within the wide radius from which a catalogue is dense."""

_SILENT_SECONDS: Final = 20
"""Seconds for which a server may be silent."""

_PIECE_SECONDS: Final = 300
"""Seconds in which it has to give what it is asked for."""

_WANTED: Final = frozenset(
    name.lower()
    for names in (NAME_COLUMNS, TYPE_COLUMNS, GAIA_COLUMNS, G_COLUMNS, BP_RP_COLUMNS, PARALLAX_COLUMNS,
                  EPOCH_COLUMNS)
    for name in names
)  # fmt: skip


def is_hats(name: str) -> bool:
    """Tell whether a catalogue is a HATS catalogue: a folder with its properties, or an address."""
    folder = Path(name)
    return _is_address(name) or any((folder / mark).is_file() for mark in _MARKS)


def _is_address(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def hats_known(name: str, positions: SkyCoord, *, radius: Quantity = WIDE) -> KnownObjects:
    """Read what a HATS catalogue has around positions.

    Parameters
    ----------
    name
        Its folder, or its address.
    positions
        ICRS.
    radius
        How far around each.

    Returns
    -------
    KnownObjects
        Under the name of the catalogue; dense where something unrelated is near by chance.

    Raises
    ------
    UserError
        The library ``hats`` is not installed, or the catalogue has no column with names.
    ArchiveError
        The catalogue cannot be read, or its server is silent for 20 s.
    """
    try:
        from hats.loaders.read_hats import read_hats
    except ImportError as error:
        message = f"{name}: the library hats is not installed; pip install 'vo-emline[hats]'"
        raise UserError(message) from error
    try:
        opened: Any = read_hats(_location(name))
        catalogue = getattr(opened, "main_catalog", opened)
        pixels = _pixels(catalogue, positions, radius)
        pieces = [_near(catalogue, pixel, positions, radius) for pixel in pixels]
    except Exception as error:  # whatever hats, pyarrow, fsspec and aiohttp raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ArchiveError(f"cannot read the HATS catalogue {name}: {shorten(reason, 300)}") from error
    empty = Table({"name": np.array([], dtype=str), "ra": np.array([]), "dec": np.array([])})
    found = vstack(pieces, metadata_conflicts="silent") if pieces else empty
    title = str(catalogue.catalog_info.catalog_name or Path(name).name)
    return known_from_table(found, catalogue=title, dense=_is_dense(catalogue, radius))


def _location(name: str) -> Any:
    """Give what `hats` opens: a folder, or an address whose server has to go on answering."""
    from hats.io.file_io.file_pointer import get_upath

    if not _is_address(name):
        return name
    from aiohttp import ClientTimeout

    timeout = ClientTimeout(total=_PIECE_SECONDS, sock_connect=_SILENT_SECONDS, sock_read=_SILENT_SECONDS)
    return get_upath(name, client_kwargs={"timeout": timeout})


def _pixels(catalogue: Any, positions: SkyCoord, radius: Quantity) -> list[Any]:
    """Give the pieces of a catalogue that lie within `radius` of some position."""
    from hats.pixel_math.spatial_index import compute_spatial_index

    angles = np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS * u.rad
    around = positions[:, None].directional_offset_by(angles[None, :], radius)
    ra = np.concatenate([positions.icrs.ra.deg, around.icrs.ra.deg.ravel()])
    dec = np.concatenate([positions.icrs.dec.deg, around.icrs.dec.deg.ravel()])
    places: npt.NDArray[np.int64] = np.unique(np.asarray(compute_spatial_index(ra, dec), dtype=np.int64))
    found = []
    for pixel in catalogue.get_healpix_pixels():
        shift = 2 * (_ORDER - pixel.order)
        first, end = np.searchsorted(places, [pixel.pixel << shift, (pixel.pixel + 1) << shift])
        if end > first:
            found.append(pixel)
    return found


def _near(catalogue: Any, pixel: Any, positions: SkyCoord, radius: Quantity) -> Table:
    """Read the rows of a piece that are near a position, under names that are known."""
    from hats.io import paths
    from hats.io.file_io import file_io

    info = catalogue.catalog_info
    own = (info.ra_column, info.dec_column)
    columns = [name for name in catalogue.schema.names if name.lower() in _WANTED and name not in own]
    suffix = info.npix_suffix or ".parquet"
    path = paths.pixel_catalog_file(catalogue.catalog_base_dir, pixel, npix_suffix=suffix)
    rows = file_io.read_parquet_file_to_pandas(path, columns=[*own, *columns])
    rows = rows.rename(columns={info.ra_column: "ra", info.dec_column: "dec"})
    here = SkyCoord(rows["ra"].to_numpy(float), rows["dec"].to_numpy(float), unit="deg")
    near = rows.iloc[np.unique(search_around_sky(positions, here, radius)[1])]
    return Table({name: _plain(near[name]) for name in near.columns})


def _plain(column: Any) -> Any:
    """Give a column as numpy has it: numbers, NaN for none; other things as text."""
    if column.dtype.kind not in "iuf":
        return np.array(column.astype(object).fillna("").astype(str).tolist(), dtype=str)
    if column.isna().any():
        return column.to_numpy(dtype=float, na_value=np.nan)
    return column.to_numpy(dtype=np.int64 if column.dtype.kind in "iu" else float)


def _is_dense(catalogue: Any, radius: Quantity) -> bool:
    area = sum(41_253.0 / (12 * 4.0**pixel.order) for pixel in catalogue.get_healpix_pixels())
    circle = np.pi * radius.to_value(u.deg) ** 2
    return bool((catalogue.catalog_info.total_rows or 0) * circle > _CROWDED * area)
