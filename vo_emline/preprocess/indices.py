"""Spectral indices: what the rest of a spectrum says about its star.

Each index is the depth of a feature below the straight line through the means
of two side bands (Worthey et al. 1994, ApJS 94, 687, section 2.2), so that
reddening and the response of the instrument cancel. None of the bands touches
the window around Hα: from the indices follows how deep Hα should be if there
were no emission (:mod:`vo_emline.training.expected`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, Column, FloatArray
from vo_emline.spectra.spectrum import Spectrum

IntArray = npt.NDArray[np.integer[Any]]

Bands = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


def _line(centre: float, half_width: float, near: float, far: float) -> Bands:
    """Give the band around a line, and side bands from `near` to `far` Å beside it."""
    return (
        (centre - half_width, centre + half_width),
        (centre - far, centre - near),
        (centre + near, centre + far),
    )


INDICES: Final[dict[str, Bands]] = {
    **{
        f"{name}_{half_width}": _line(centre, half_width, 35.0, 60.0)
        for name, centre in (("hbeta", 4862.7), ("hgamma", 4341.7), ("hdelta", 4102.9))
        for half_width in (4, 8, 20)
    },
    "ca_k": ((3928.0, 3940.0), (3905.0, 3922.0), (3998.0, 4020.0)),
    "ca_4227": ((4223.0, 4236.0), (4212.0, 4221.0), (4242.0, 4252.0)),
    "g_band": ((4282.0, 4317.0), (4267.0, 4283.0), (4359.0, 4375.0)),
    "fe_4383": ((4370.0, 4422.0), (4360.0, 4371.0), (4444.0, 4456.0)),
    "he_4471": _line(4472.7, 8.0, 12.0, 25.0),
    "mg_1": ((5070.0, 5135.0), (4897.0, 4958.0), (5303.0, 5367.0)),
    "mg_b": ((5162.0, 5194.0), (5119.0, 5144.0), (5193.0, 5208.0)),
    "fe_5270": ((5247.0, 5287.0), (5235.0, 5249.0), (5287.0, 5320.0)),
    "fe_5335": ((5314.0, 5354.0), (5306.0, 5319.0), (5355.0, 5365.0)),
    "na_d": ((5880.0, 5911.0), (5862.0, 5877.0), (5924.0, 5950.0)),
    "tio_1": ((5938.0, 5996.0), (5818.0, 5850.0), (6040.0, 6105.0)),
    "tio_2": ((6191.0, 6274.0), (6068.0, 6143.0), (6374.0, 6417.0)),
    "ca_6162": ((6155.0, 6170.0), (6135.0, 6148.0), (6175.0, 6188.0)),
    "fe_6495": ((6488.0, 6504.0), (6475.0, 6486.0), (6506.0, 6518.0)),
    "fe_6410": ((6400.0, 6425.0), (6385.0, 6398.0), (6426.0, 6440.0)),
    "tio_7050": ((7050.0, 7120.0), (6960.0, 7030.0), (7030.0, 7050.0)),
    "ca_8542": ((8535.0, 8555.0), (8510.0, 8530.0), (8565.0, 8590.0)),
}
"""Name of each index, and its band and side bands (blue, red), vacuum Å in the star's frame. Balmer lines
have three each: core, line and wings; the others are those of Lick and of cool stars."""

N_INDICES: Final = len(INDICES)

REACH: Final = (
    min(blue[0] for _, blue, _ in INDICES.values()) - 10.0,
    max(red[1] for _, _, red in INDICES.values()) + 20.0,
)
"""First and last wavelength that indices may ask for, vacuum Å."""

LEAST_GOOD: Final = 0.7
"""An index is unknown where less than this share of the pixels of one of its bands is good."""

STELLAR_REDSHIFT: Final = 0.002
"""Redshifts beyond this are no star's: the bands stay where they are."""

LARGEST: Final = 2.0
"""Depths beyond this, either way, are noise."""

_EDGES: Final[FloatArray] = np.array(list(INDICES.values()))
_CENTRES: Final[FloatArray] = _EDGES.mean(axis=2)
_SHARE_OF_RED: Final[FloatArray] = (_CENTRES[:, 0] - _CENTRES[:, 1]) / (_CENTRES[:, 2] - _CENTRES[:, 1])
_EXTENT: Final[FloatArray] = np.column_stack([_EDGES[..., 0].min(axis=1), _EDGES[..., 1].max(axis=1)])
_CURVATURE_TO_SIGMA: Final = float(np.sqrt(np.pi / 2) / np.sqrt(1.5))
"""From the mean size of f_i − (f_{i−1} + f_{i+1})/2 to the standard deviation of a pixel, Gaussian noise."""


def measure_indices(spectra: Sequence[Spectrum]) -> FloatArray:
    """Measure the spectral indices of spectra that share their wavelengths.

    The noise is that of the pixels themselves, from their second differences:
    the inverse variances of LAMOST DR1 are wrong. Every spectrum gets, to the
    last bit, what it would get alone.

    Parameters
    ----------
    spectra
        Spectra, n of them and at least one, or the parts of them between the wavelengths of :data:`REACH`.

    Returns
    -------
    numpy.ndarray
        Depths and their standard deviations, dimensionless, shape (n, 2, :data:`N_INDICES`); NaN where the
        spectrum does not cover a band, where bad pixels leave too little of it, or where the
        continuum is not positive.
    """
    wavelength = spectra[0].wavelength_vac
    shift = 1.0 + np.array([_stellar_redshift(spectrum) for spectrum in spectra])
    extent = _EXTENT * shift[:, None, None]
    covered = (wavelength[0] <= extent[..., 0]) & (wavelength[-1] >= extent[..., 1])
    if not covered.any():
        return np.full((len(spectra), 2, N_INDICES), np.nan)
    flux = np.stack([spectrum.flux for spectrum in spectra])
    good = np.stack([spectrum.mask for spectrum in spectra])
    np.logical_not(good, out=good)
    good &= np.isfinite(flux)
    holed = np.flatnonzero(~good.all(axis=1))
    flux[holed] = np.where(good[holed], flux[holed], 0.0)
    bands = _Bands.lie(wavelength, shift, good, holed)
    noise = _noise(flux, good, holed, bands)
    return _depths(_between(flux, bands.first, bands.last), noise, bands, covered)


@dataclass(frozen=True, slots=True)
class _Bands:
    """Where the three bands of each index lie in each spectrum; arrays of shape (n, :data:`N_INDICES`, 3)."""

    first: IntArray
    """First pixel."""
    last: IntArray
    """Pixel after the last."""
    number: IntArray
    """Good pixels."""

    @classmethod
    def lie(cls, wavelength: FloatArray, shift: FloatArray, good: BoolArray, holed: IntArray) -> Self:
        """Find the pixels of bands shifted by factors `shift`; `holed` spectra have bad ones."""
        pixels = np.searchsorted(wavelength, _EDGES * shift[:, None, None, None])
        first, last = pixels[..., 0], pixels[..., 1]
        number = last - first
        if holed.size:
            number[holed] = _between(good[holed], first[holed], last[holed])
        return cls(first, last, number)


def _depths(total: FloatArray, noise: FloatArray, bands: _Bands, covered: BoolArray) -> FloatArray:
    """Give depths and their standard deviations from the sums over bands, shape (n, N, 3) → (n, 2, N)."""
    enough = (bands.number >= LEAST_GOOD * (bands.last - bands.first)) & (bands.number >= 2)
    usable = covered & enough.all(axis=2)
    number = np.maximum(bands.number, 1)
    mean = total / number
    continuum = mean[..., 1] + (mean[..., 2] - mean[..., 1]) * _SHARE_OF_RED
    usable &= continuum > 0
    continuum = np.where(usable, continuum, 1.0)
    remaining = mean[..., 0] / continuum
    variance = np.square(noise / continuum) * (
        1.0 / number[..., 0]
        + np.square(remaining)
        * (np.square(1.0 - _SHARE_OF_RED) / number[..., 1] + np.square(_SHARE_OF_RED) / number[..., 2])
    )
    found = np.stack([1.0 - remaining, np.sqrt(variance)], axis=1)
    usable &= (np.abs(found) < LARGEST).all(axis=1)
    return np.where(usable[:, None], found, np.nan)


def index_noise(relative_noise: Column) -> FloatArray:
    """Give the noise of indices in spectra of which every pixel has this noise.

    Parameters
    ----------
    relative_noise
        Standard deviation of a pixel of the continuum over the continuum, shape (n,).

    Returns
    -------
    numpy.ndarray
        Standard deviations of the indices for pixels of LAMOST, shape (n, :data:`N_INDICES`).
    """
    pixels = np.maximum(np.diff(_EDGES, axis=2)[..., 0] / (_CENTRES * 1e-4 * np.log(10.0)), 2.0)
    variance = 1.0 / pixels[:, 0]
    variance += np.square(1.0 - _SHARE_OF_RED) / pixels[:, 1] + np.square(_SHARE_OF_RED) / pixels[:, 2]
    return np.asarray(relative_noise[:, None] * np.sqrt(variance))


def _stellar_redshift(spectrum: Spectrum) -> float:
    redshift = spectrum.identity.redshift or 0.0
    return redshift if abs(redshift) < STELLAR_REDSHIFT else 0.0


def _between(values: FloatArray | BoolArray, first: IntArray, last: IntArray) -> FloatArray:
    """Sum values, shape (n, m), from each `first` to before each `last`, which have shape (n, …).

    Whatever begins or ends beyond the spectrum, or holds no pixel, gets any value: nothing covers it.
    """
    start = values.shape[1] * np.arange(len(values)).reshape(-1, *[1] * (first.ndim - 1))
    edges = np.stack([first + start, last + start], axis=-1).ravel()
    sums = np.add.reduceat(values.ravel(), np.minimum(edges, values.size - 1), dtype=np.float64)
    return np.asarray(sums[::2].reshape(first.shape))


def _noise(flux: FloatArray, good: BoolArray, holed: IntArray, bands: _Bands) -> FloatArray:
    """Give the standard deviation of a pixel over the extent of each index, shape (n, :data:`N_INDICES`)."""
    first, last = bands.first.min(axis=2), bands.last.max(axis=2)
    curvature = np.zeros_like(flux)
    inner = curvature[:, 1:-1]
    np.add(flux[:, :-2], flux[:, 2:], out=inner)
    inner *= 0.5
    np.subtract(flux[:, 1:-1], inner, out=inner)
    np.abs(inner, out=inner)
    number = (last - first).astype(np.float64)
    if holed.size:
        usable = np.zeros((len(holed), flux.shape[1]), dtype=bool)
        usable[:, 1:-1] = good[holed, 1:-1] & good[holed, :-2] & good[holed, 2:]
        curvature[holed] *= usable
        number[holed] = _between(usable, first[holed], last[holed])
    return np.asarray(_CURVATURE_TO_SIGMA * _between(curvature, first, last) / np.maximum(number, 1.0))
