"""Spectra made worse: noise added until they have a low signal-to-noise ratio."""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.preprocess.continuum import fit_line
from vo_emline.preprocess.indices import index_noise
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import finish
from vo_emline.preprocess.windows import WindowSet
from vo_emline.simulate.hosts import relative_noise

SNR: Final = (3.0, 15.0)
"""Range of S/N per pixel to which spectra are degraded."""

LEAST_LOSS: Final = 1.5
"""A spectrum is degraded where its own S/N is at least this many times the wanted one."""


def degrade(
    windows: WindowSet,
    *,
    seed: int,
    copies: int = 1,
    snr: tuple[float, float] = SNR,
    options: PreprocessOptions | None = None,
) -> WindowSet:
    """Add noise to spectra until their S/N is low.

    The noise is white: at such S/N most of it is that of the sky, which knows
    nothing of the star's lines.

    Parameters
    ----------
    windows
        Windows of survey spectra.
    seed
        The same seed gives the same windows.
    copies
        How many are made of each spectrum, each of another S/N.
    snr
        Least and largest S/N per pixel, drawn evenly.
    options
        How the windows were prepared; None for the defaults.

    Returns
    -------
    WindowSet
        At most `copies` windows for each; fewer where spectra are too noisy
        already. Their ``snr_r`` is the new S/N.
    """
    random = np.random.default_rng([seed, 12])
    rows = np.repeat(np.arange(len(windows)), copies)
    wanted = random.uniform(*snr, rows.size)
    noise = relative_noise(windows)[rows]
    fit = noise * wanted * LEAST_LOSS < 1.0
    chosen, wanted, noise = windows.take(rows[fit]), wanted[fit], noise[fit]
    flux, ivar = chosen.unscaled()
    level = np.maximum(fit_line(flux), 0.0)
    added = (wanted**-2.0 - noise**2.0)[:, None] * np.square(level)
    known = ivar > 0
    degraded = finish(
        flux + np.sqrt(added) * random.standard_normal(flux.shape),
        np.where(known, 1.0 / (1.0 / np.where(known, ivar, 1.0) + added), 0.0),
        identity=_with_snr(chosen.identity, wanted),
        options=options or PreprocessOptions(),
    )
    if chosen.indices is None:
        return degraded
    blur = index_noise(np.sqrt(wanted**-2.0 - noise**2.0))
    return dataclasses.replace(degraded, indices=_blurred(chosen.indices, blur, random))


def _blurred(
    indices: npt.NDArray[np.float32], sigma: npt.NDArray[np.float64], random: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Add noise to spectral indices, and to their errors; the whole spectrum gets the same S/N."""
    value, error = indices[:, 0], indices[:, 1]
    noisy = [value + sigma * random.standard_normal(sigma.shape), np.hypot(error, sigma)]
    return np.stack(noisy, axis=1).astype(np.float32)


def _with_snr(identity: pa.Table, snr: np.ndarray) -> pa.Table:
    index = identity.schema.get_field_index("snr_r")
    return identity.set_column(index, "snr_r", pa.array(snr, pa.float64()))
