"""Windows around Hα: the 140 pixels the network sees, many spectra at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.rejects import Reject

N_PIXELS: Final = 140
WINDOW_VAC: Final = (6519.0, 6732.0)
"""First and last wavelength of the window, vacuum Å (thesis, section Preprocessing)."""

GRID: Final = np.linspace(*WINDOW_VAC, N_PIXELS)
"""Wavelengths of the window's pixels, vacuum Å, shape (140,)."""

WING_STEP: Final = 6.0
"""Width of the bins beyond the window, Å: four of its pixels."""

WING_CENTRES: Final = np.concatenate(
    [
        WINDOW_VAC[0] - WING_STEP * (np.arange(24)[::-1] + 0.5),
        WINDOW_VAC[1] + WING_STEP * (np.arange(10) + 0.5),
    ]
)
"""Middles of the bins, vacuum Å, shape (34,): from 6375 Å to the window, and from there to 6792 Å, where no
band of the atmosphere begins yet. Lines of 4000 km/s and their continuum lie within."""

N_WINGS: Final = WING_CENTRES.size + 2
"""Numbers of the wings of a spectrum: the bins, and the ends of the line taken out of the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSet:
    """Windows of many spectra as arrays, with who they are as a table.

    Row *i* of every member belongs to the same spectrum.
    """

    flux: npt.NDArray[np.float32]
    """Scaled flux on :data:`GRID`, shape (n, 140), dimensionless."""
    ivar: npt.NDArray[np.float32]
    """Inverse variance of the scaled flux, shape (n, 140); 0 where unknown or masked."""
    continuum: npt.NDArray[np.float32]
    """Per spectrum, the (offset, scale) that was taken out, shape (n, 2):
    unscaled flux = flux * scale + offset, in units of the continuum where that
    was divided out."""
    identity: pa.Table
    """One row per spectrum, columns as the fields of :class:`~vo_emline.spectra.Identity`."""
    coverage: pa.Table | None = None
    """One row per spectrum, columns as the fields of :class:`~vo_emline.spectra.Coverage`: what its
    file holds; None where the windows are from no files."""
    indices: npt.NDArray[np.float32] | None = None
    """Spectral indices of the rest of each spectrum and their standard deviations, shape
    (n, 2, :data:`~vo_emline.preprocess.indices.N_INDICES`), NaN where unknown
    (:func:`~vo_emline.preprocess.indices.measure_indices`); None where there are none at all."""
    wings: npt.NDArray[np.float32] | None = None
    """Flux beyond the window in bins (:data:`WING_CENTRES`), then the ends, at the ends of the window, of the
    straight line that was taken out of it, all in the units of the file, shape (n, :data:`N_WINGS`), NaN
    where unknown (:func:`~vo_emline.preprocess.wings.measure_wings`); None where there are none at all."""

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.flux)

    def take(self, rows: npt.ArrayLike) -> WindowSet:
        """Select windows by index or by a mask of booleans, in the order given."""
        chosen = np.asarray(rows)
        index = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)
        return WindowSet(
            flux=self.flux[index],
            ivar=self.ivar[index],
            continuum=self.continuum[index],
            identity=self.identity.take(index),
            coverage=None if self.coverage is None else self.coverage.take(index),
            indices=None if self.indices is None else self.indices[index],
            wings=None if self.wings is None else self.wings[index],
        )

    def unscaled(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Undo the scaling: flux and inverse variance in double precision, shape (n, 140) each."""
        offset, scale = (self.continuum[:, column, None].astype(np.float64) for column in (0, 1))
        return self.flux * scale + offset, self.ivar / np.square(scale)

    def pixel_snr(self) -> npt.NDArray[np.float64]:
        """Give flux over its error for each pixel, shape (n, 140); 0 where nothing is known of the error."""
        offset, scale = (self.continuum[:, column, None].astype(np.float64) for column in (0, 1))
        return np.asarray((self.flux + offset / scale) * np.sqrt(self.ivar))


@dataclass(frozen=True, slots=True)
class Prepared:
    """Windows of some files, and why the others have none. Travels between processes."""

    windows: WindowSet
    rejects: tuple[Reject, ...]


def concatenate(sets: Sequence[WindowSet]) -> WindowSet:
    """Put sets of windows behind one another; with their coverage, indices and wings where all have them.

    Raises
    ------
    ValueError
        Where there is none.
    """
    coverages = [one.coverage for one in sets if one.coverage is not None]
    indices = [one.indices for one in sets if one.indices is not None]
    wings = [one.wings for one in sets if one.wings is not None]
    return WindowSet(
        flux=np.concatenate([one.flux for one in sets]),
        ivar=np.concatenate([one.ivar for one in sets]),
        continuum=np.concatenate([one.continuum for one in sets]),
        identity=pa.concat_tables([one.identity for one in sets]),
        coverage=pa.concat_tables(coverages) if len(coverages) == len(sets) else None,
        indices=np.concatenate(indices) if len(indices) == len(sets) else None,
        wings=np.concatenate(wings) if len(wings) == len(sets) else None,
    )
