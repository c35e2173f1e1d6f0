"""The bridge to specutils (extra ``specutils``): spectra out, and a loader for LAMOST files.

specutils has no entry points for loaders; importing this module registers
ours, after which ``specutils.Spectrum.read("spec-….fits")`` opens every
LAMOST layout (and ``format="LAMOST"`` insists on it).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy import units as u
from astropy.nddata import InverseVariance

from vo_emline.errors import DataError, UserError
from vo_emline.spectra import Spectrum, read, read_bytes

try:
    import specutils
    from specutils.io.registers import data_loader
except ImportError as missing:
    raise UserError(
        "this needs the package specutils: install it with pip install 'vo-emline[specutils]'"
    ) from missing

LOADER: Final = "LAMOST"
"""Name of the loader in the registry of specutils."""


def to_specutils(spectrum: Spectrum) -> specutils.Spectrum:
    """Turn a spectrum into a :class:`specutils.Spectrum`.

    The spectral axis is vacuum wavelength in Å; inverse variances become the
    uncertainty; identity, layout and medium of the file are in ``meta``.
    """
    uncertainty = None if spectrum.ivar is None else InverseVariance(spectrum.ivar)
    return specutils.Spectrum(
        spectral_axis=spectrum.wavelength_vac * u.AA,
        flux=spectrum.flux * _unit(spectrum.flux_unit),
        uncertainty=uncertainty,
        mask=np.array(spectrum.mask),
        meta=_meta(spectrum),
    )


def to_spectrum_list(spectra: Iterable[Spectrum]) -> specutils.SpectrumList:
    """Turn spectra into a :class:`specutils.SpectrumList`."""
    return specutils.SpectrumList(map(to_specutils, spectra))


def _unit(text: str) -> u.UnitBase:
    """Read a flux unit; relative fluxes and what astropy does not know are dimensionless."""
    try:
        return u.Unit(text)
    except ValueError:
        return u.dimensionless_unscaled


def _meta(spectrum: Spectrum) -> dict[str, Any]:
    known = {name: value for name, value in asdict(spectrum.identity).items() if value not in (None, "")}
    return known | {
        "wavelength_medium": "vacuum",
        "medium_in_file": spectrum.medium,
        "resolving_power": spectrum.resolving_power,
        "layout": spectrum.layout,
        "flux_unit_in_file": spectrum.flux_unit,
        "normalised": spectrum.normalised,
    }


def _is_lamost(_origin: str, path: Any, fileobj: Any, *_args: Any, **_kwargs: Any) -> bool:
    source = path if isinstance(path, str | Path) else getattr(fileobj, "name", None)
    if source is None or not Path(source).is_file():
        return False
    try:
        return read(source).identity.survey.startswith("LAMOST")
    except DataError:
        return False


def lamost_loader(file_obj: Any, **_kwargs: Any) -> specutils.Spectrum:
    """Read a LAMOST file of any layout (DR1 to DR10, low and medium resolution)."""
    if hasattr(file_obj, "read"):
        return to_specutils(read_bytes(file_obj.read(), source=str(getattr(file_obj, "name", "LAMOST file"))))
    return to_specutils(read(Path(file_obj)))


data_loader(LOADER, identifier=_is_lamost, extensions=["fits", "fits.gz"], priority=10)(lamost_loader)
