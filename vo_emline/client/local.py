"""Spectra and tables of this machine, made ready for other applications."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Final

import numpy as np
from astropy import units as u
from astropy.table import Table

from vo_emline.client import convert
from vo_emline.client.samp.messages import FITS, VOTABLE, SpectrumReference, TableReference
from vo_emline.errors import UserError
from vo_emline.net.cache import cache_directory
from vo_emline.spectra import Spectrum, read

VOTABLE_SUFFIXES: Final = (".vot", ".votable", ".xml")


def spectrum_table(spectrum: Spectrum) -> Table:
    """Lay a spectrum out as a table that any program can plot.

    Columns ``wavelength`` (vacuum, Å), ``flux`` and, where known,
    ``flux_error``; bad pixels have no flux. The roles of the columns are
    those of the IVOA Spectrum Data Model 1.1.
    """
    table = Table()
    table["wavelength"] = spectrum.wavelength_vac * u.AA
    table["flux"] = np.where(spectrum.mask, np.nan, spectrum.flux)
    if spectrum.ivar is not None:
        table["flux_error"] = _error(spectrum.ivar)
    _label(table, "wavelength", "em.wl", "SpectralAxis.Value", "Wavelength in vacuum")
    _label(table, "flux", "phot.flux.density;em.wl", "FluxAxis.Value", f"Flux {spectrum.flux_unit}".strip())
    if "flux_error" in table.colnames:
        _label(
            table, "flux_error", "stat.error;phot.flux.density;em.wl", "FluxAxis.Accuracy.StatError", "Error"
        )
    return table


def spectrum_of_file(path: Path) -> SpectrumReference:
    """Read a file of any layout and refer to it as a VOTable in the cache folder.

    Raises
    ------
    DataError
        The file holds no spectrum.
    """
    spectrum = read(path)
    identity = spectrum.identity
    copy = votable_copy(spectrum_table(spectrum), path.stem)
    known = identity.ra is not None and identity.dec is not None
    return SpectrumReference(
        url=copy.as_uri(),
        name=identity.designation or identity.object_name or path.stem,
        identifier=identity.publisher_did or copy.as_uri(),
        position=(identity.ra or 0.0, identity.dec or 0.0) if known else None,
    )


def spectrum_of_url(url: str) -> SpectrumReference:
    """Refer to a spectrum somewhere else; its format follows from the address."""
    fits = ".fits" in url.lower() or "format=fits" in url.lower()
    name = url.rpartition("/")[2] or url
    return SpectrumReference(url=url, name=name, identifier=url, media_type=FITS if fits else VOTABLE)


def table_of_file(path: Path) -> TableReference:
    """Refer to a table; what is not a VOTable is copied into one in the cache folder.

    Raises
    ------
    UserError
        The file is not there, or no table.
    """
    if not path.is_file():
        raise UserError(f"there is no file {path}")
    votable = path if path.suffix.lower() in VOTABLE_SUFFIXES else votable_copy(_read_table(path), path.stem)
    url = votable.resolve().as_uri()
    return TableReference(url, table_id(url), path.name)


def table_of_url(url: str) -> TableReference:
    """Refer to a VOTable somewhere else."""
    return TableReference(url, table_id(url), url)


def table_id(url: str) -> str:
    """Give the identifier that goes with the address of a table, always the same."""
    return f"vo-emline-{hashlib.sha256(url.encode()).hexdigest()[:16]}"


def votable_copy(table: Table, stem: str) -> Path:
    """Write a table as a VOTable into the cache folder, named by its content, once; give its path."""
    rows = convert.to_arrow(table)
    digest = hashlib.sha256(repr(rows.schema).encode())
    for name in table.colnames:
        digest.update(repr(rows[name].to_pylist()).encode())
    path = cache_directory() / "samp" / f"{stem}-{digest.hexdigest()[:16]}.vot"
    if not path.exists():
        with warnings.catch_warnings():
            # VOUnits 1.1 deprecates the angstrom, yet it is what SPLAT and people expect
            warnings.filterwarnings("ignore", "The unit 'Angstrom' has been deprecated", u.UnitsWarning)
            convert.write(table, path, name=stem)
    return path


def _read_table(path: Path) -> Table:
    try:
        return Table.read(path)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path}: not a table that can be read: {error}") from error


def _error(ivar: np.ndarray) -> np.ndarray:
    known = ivar > 0
    return np.where(known, 1.0 / np.sqrt(np.where(known, ivar, 1.0)), np.nan)


def _label(table: Table, name: str, ucd: str, role: str, description: str) -> None:
    table[name].description = description
    table[name].meta |= {"ucd": ucd, "utype": f"spec:Spectrum.Data.{role}"}
