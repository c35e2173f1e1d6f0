"""Artefacts: what no star and no line makes, found in the pixels of a spectrum around Hα.

They are looked for in the pixels as the file has them. Each kind is a statement about this spectrum that can
be checked by eye:

* ``artefact_dead``: pixels of the line are bad; what the network sees there is interpolated.
* ``artefact_spike``: at Hα one or two pixels stand out, and their neighbours do not follow as the line spread
  makes them in any real line (a hot pixel, a cosmic ray, an unmasked dead pixel).
* ``artefact_clipped``: many pixels share the very same highest or lowest value, or neighbours at Hα the very
  same value of whatever height.
* ``artefact_quantised``: the flux takes a handful of values only.
* ``artefact_negative``: the continuum is negative by many times its noise.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vo_emline.arrays import BoolArray, Column, FloatArray
from vo_emline.preprocess.resample import fill_bad
from vo_emline.preprocess.windows import WINDOW_VAC
from vo_emline.spectra.medium import HALPHA_VAC

PREFIX: Final = "artefact_"
"""With this the flags of all kinds begin."""

LINE_A: Final = 16.0
"""Bad pixels count within this distance of Hα, Å: there the line is measured."""

SPIKE_A: Final = 25.0
"""Spikes count within this distance of Hα, Å."""

SIDES_A: Final = 30.0
"""The continuum is beyond this distance of Hα, Å."""

FOLLOWING: Final = (0.2, 0.1)
"""Where one pixel stands out, or two, neighbours that rise by less than this share of them are no line's. In
a line as narrow as the line spread of LAMOST (σ of one pixel) they rise by 0.55 and 0.37 at least."""

LEAST_PEAK: Final = 0.12
"""Spikes are as high or deep as this share of the continuum …"""

SURE: Final = 8.0
"""… and as so many standard deviations of a pixel."""

SHARE_OF_RANGE: Final = 0.5
"""Spikes are no less than this share of what the flux varies by around them: the feet of lines are."""

MOST_STEP: Final = 1.3
"""Pixels wider than this many σ of the line spread do not show how neighbours follow."""

SAME: Final = 4
"""So many pixels of one extreme value, and thrice as many as of the next value, are clipped …"""

FROZEN: Final = 4
"""So many neighbours of one value, other than of a whole spectrum of few values, are no measurement."""

FEWEST_VALUES: Final = 8
"""… but where a flux takes no more values than this, it is quantised."""

NEGATIVE: Final = 5.0
"""A continuum below zero by so many standard deviations of a pixel is negative."""


def find_artefacts(
    flux: FloatArray, bad: BoolArray, *, wavelength_vac: FloatArray, line_spread: float
) -> dict[str, BoolArray]:
    """Tell the artefacts of spectra.

    Parameters
    ----------
    flux, bad
        Pixels in and around the window as the file has them, shape (n, m); each row has a good one.
    wavelength_vac
        Their wavelengths, vacuum Å, shape (m,).
    line_spread
        σ of the instrument's line spread at Hα, Å.

    Returns
    -------
    dict
        For each kind, a key of :data:`~vo_emline.spectra.READ_FLAGS`, the spectra that have it, shape (n,).
    """
    distance = np.abs(wavelength_vac - HALPHA_VAC)
    inside = (wavelength_vac >= WINDOW_VAC[0]) & (wavelength_vac <= WINDOW_VAC[1])
    filled = fill_bad(flux, bad, wavelength_vac=wavelength_vac)
    curvature = np.abs(filled[:, 1:-1] - 0.5 * (filled[:, :-2] + filled[:, 2:]))
    noise = 1.4826 / np.sqrt(1.5) * np.median(curvature, axis=1)
    level = np.median(filled[:, inside & (distance > SIDES_A)], axis=1)
    clipped, quantised = _repeated(filled[:, inside])
    # bad pixels are interpolated, and at the ends repeated; those that the file gives are looked at
    clipped |= _frozen(np.where(bad, np.nan, flux)[:, distance < SPIKE_A]) & ~quantised
    return {
        "artefact_dead": bad[:, distance < LINE_A].any(axis=1),
        "artefact_spike": _spike(filled, noise, level, wavelength_vac, line_spread=line_spread),
        "artefact_clipped": clipped,
        "artefact_quantised": quantised,
        "artefact_negative": level < -NEGATIVE * noise,
    }


def _repeated(flux: FloatArray) -> tuple[BoolArray, BoolArray]:
    """Tell where an extreme value is shared by many pixels, and where there are but few values."""
    ordered = np.sort(flux, axis=1)
    values = (np.diff(ordered, axis=1) > 0).sum(axis=1) + 1
    quantised = (values <= FEWEST_VALUES) & (flux.shape[1] > 4 * FEWEST_VALUES)
    clipped = np.zeros(len(flux), dtype=bool)
    for turned in (ordered, -ordered[:, ::-1]):
        at_top = (turned == turned[:, -1:]).sum(axis=1)
        for row in np.flatnonzero((at_top >= SAME) & (values > FEWEST_VALUES)):
            rest = turned[row, : -at_top[row]]
            clipped[row] |= at_top[row] >= 3 * (rest == rest[-1]).sum()
    return clipped, quantised


def _frozen(flux: FloatArray) -> BoolArray:
    """Tell where neighbours have the very same value, as from a detector or a program that stood still."""
    same = np.diff(flux, axis=1) == 0
    run = same.copy()
    for _ in range(FROZEN - 2):
        run = run[:, 1:] & same[:, : run.shape[1] - 1]
    return np.asarray(run.any(axis=1))


def _spike(
    flux: FloatArray, noise: Column, level: Column, wavelength_vac: FloatArray, *, line_spread: float
) -> BoolArray:
    """Tell where one pixel or two stand out at Hα without their neighbours."""
    near = np.flatnonzero(np.abs(wavelength_vac - HALPHA_VAC) < SPIKE_A)
    whole = near.size > 1 and near[0] >= 3 and near[-1] < flux.shape[1] - 4
    if not whole or np.median(np.diff(wavelength_vac[near])) > MOST_STEP * line_spread:
        return np.zeros(len(flux), dtype=bool)
    at = {shift: flux[:, near + shift] for shift in range(-3, 5)}
    continuum = np.maximum(np.abs(level), noise)[:, None]
    # photon noise grows with the flux
    sigma = noise[:, None] * np.sqrt(np.maximum(at[0] / np.where(continuum > 0, continuum, 1.0), 1.0))
    around = np.stack(list(at.values()))
    least = np.maximum(LEAST_PEAK * continuum, SURE * sigma)
    least = np.maximum(least, SHARE_OF_RANGE * np.ptp(around, axis=0))
    base = 0.25 * (at[-3] + at[-2] + at[2] + at[3])
    single = _stands_out(at[0] - base, 0.5 * (at[-1] + at[1]) - base, least, share=FOLLOWING[0])
    base = 0.25 * (at[-3] + at[-2] + at[3] + at[4])
    pair = _stands_out(0.5 * (at[0] + at[1]) - base, 0.5 * (at[-1] + at[2]) - base, least, share=FOLLOWING[1])
    return single | pair


def _stands_out(peak: FloatArray, beside: FloatArray, least: FloatArray, *, share: float) -> BoolArray:
    """Tell rows in which a peak, or a hole, larger than `least` has no neighbours that follow."""
    height = np.abs(peak)
    return np.asarray(((height > least) & (np.sign(peak) * beside < share * height)).any(axis=1))
