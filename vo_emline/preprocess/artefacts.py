"""Artefacts: what no star and no line makes, found in the pixels of a spectrum around Hα.

They are looked for in the pixels as the file has them. Each kind is a statement about this spectrum that can
be checked by eye:

* ``artefact_dead``: pixels of the line are bad; what the network sees there is interpolated.
* ``artefact_spike``: at Hα something stands out that is narrower than the line spread makes any real line (a
  hot pixel, a cosmic ray, an unmasked dead pixel): its neighbours, two on either side, do not follow. Or it
  is a few pixels wide, and no sum of line spreads (a track; :mod:`~vo_emline.preprocess.tracks`).
* ``artefact_step``: near Hα the flux steps from one pixel to the next, more sharply than the line spread lets
  it, and stays there (pieces put together, one exposure of several that ended).
* ``artefact_clipped``: many pixels share the very same highest or lowest value, or neighbours at Hα the very
  same value of whatever height.
* ``artefact_quantised``: the flux takes a handful of values only.
* ``artefact_negative``: the continuum is negative by many times its noise.

Nearly all spectra have none. What is cheap and must hold comes first, and the rest is asked of those spectra
alone that pass: answers are those of all conditions.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import BoolArray, Column, FloatArray, Pixels, Spectra
from vo_emline.preprocess.resample import fill_bad
from vo_emline.preprocess.tracks import REACH, find_tracks
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

NARROWEST: Final = 0.84
"""No line is narrower than this share of the stated line spread, which differs from fibre to fibre."""

SHARPER: Final = 0.12
"""What stands out is a spike where it exceeds what its neighbours allow by this share of its height …"""

SURE_SHARPER: Final = 3.0
"""… and by so many standard deviations of that excess."""

LEAST_PEAK: Final = 0.12
"""Spikes are as high or deep as this share of the continuum …"""

SURE: Final = 8.0
"""… and as so many standard deviations of a pixel."""

SHARE_OF_RANGE: Final = 0.5
"""Spikes are no less than this share of what the flux varies by around them: the feet of lines are."""

MOST_STEP: Final = 1.3
"""Pixels wider than this many σ of the line spread do not show how neighbours follow."""

STEP_A: Final = 40.0
"""Steps count within this distance of Hα, Å."""

LEAST_STEP: Final = 0.12
"""Steps are as high as this share of the continuum …"""

BESIDE_STEP: Final = 0.35
"""… and right beside them the flux varies from pixel to pixel by less than this share of them: where the line
spread makes it, by half of its steepest difference at least on one side …"""

FLAT: Final = 0.6
"""… and among five pixels on either side by less than this share …"""

STAYS: Final = 0.6
"""… between whose means so much of the step is left. …"""

WITHIN_A: Final = 20.0
"""… Or it lies within this distance of Hα, Å, where the line is flat nowhere, and …"""

BESIDE_WITHIN: Final = 0.5
"""… the flux right beside it varies by less than this share of it …"""

ACROSS_A: Final = (18.0, 45.0)
"""… and the continua at these distances on either side differ by the step, from :data:`STAYS` of it …"""

MOST_ACROSS: Final = 1.6
"""… to so many times it."""

SAME: Final = 4
"""So many pixels of one extreme value, and thrice as many as of the next value, are clipped …"""

FROZEN: Final = 4
"""So many neighbours of one value, other than of a whole spectrum of few values, are no measurement."""

FEWEST_VALUES: Final = 8
"""… but where a flux takes no more values than this, it is quantised."""

NEARLY: Final = 1.0 - 1e-9
"""Limits that are looked at before the exact ones are lower by this: sums are rounded."""

NEGATIVE: Final = 5.0
"""A continuum below zero by so many standard deviations of a pixel is negative."""


def find_artefacts(
    flux: Spectra, bad: BoolArray, *, wavelength_vac: Pixels, line_spread: float
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
    noise = 1.4826 / np.sqrt(1.5) * _median(curvature)
    level = _median(filled[:, inside & (distance > SIDES_A)])
    clipped, quantised = _repeated(filled[:, inside])
    # bad pixels are interpolated, and at the ends repeated; those that the file gives are looked at
    clipped |= _frozen(np.where(bad, np.nan, flux)[:, distance < SPIKE_A]) & ~quantised
    return {
        "artefact_dead": bad[:, distance < LINE_A].any(axis=1),
        "artefact_spike": _spike(filled, noise, level, wavelength_vac, line_spread=line_spread),
        "artefact_step": _step(filled, noise, level, wavelength_vac),
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
    if not (_same(ordered[:, :SAME]) | _same(ordered[:, -SAME:])).any():
        return clipped, quantised
    for turned in (ordered, -ordered[:, ::-1]):
        at_top = (turned == turned[:, -1:]).sum(axis=1)
        for row in np.flatnonzero((at_top >= SAME) & (values > FEWEST_VALUES)):
            rest = turned[row, : -at_top[row]]
            clipped[row] |= at_top[row] >= 3 * (rest == rest[-1]).sum()
    return clipped, quantised


def _same(ordered: FloatArray) -> BoolArray:
    """Tell the rows, in order, whose first value is the last."""
    return np.asarray(ordered[:, 0] == ordered[:, -1])


def _frozen(flux: FloatArray) -> BoolArray:
    """Tell where neighbours have the very same value, as from a detector or a program that stood still."""
    same = flux[:, 1:] == flux[:, :-1]
    if not same.any():
        return np.zeros(len(flux), dtype=bool)
    run = same.copy()
    for _ in range(FROZEN - 2):
        run = run[:, 1:] & same[:, : run.shape[1] - 1]
    return np.asarray(run.any(axis=1))


def _spike(
    flux: FloatArray, noise: Column, level: Column, wavelength_vac: FloatArray, *, line_spread: float
) -> BoolArray:
    """Tell where something of a few pixels stands out at Hα without their neighbours."""
    found = np.zeros(len(flux), dtype=bool)
    near = _pixels(wavelength_vac, SPIKE_A, margin=REACH)
    step = float(np.median(np.diff(wavelength_vac[near]))) if near.size > 1 else np.inf
    if not near.size or step > MOST_STEP * line_spread:
        return found
    varies = np.ptp(flux[:, near[0] - REACH : near[-1] + REACH + 1], axis=1)
    rows = np.flatnonzero(varies > NEARLY * _least(LEAST_PEAK, noise, level))
    if rows.size:
        narrowest = min(NARROWEST * line_spread / step, 1.0)
        found[rows] = _stands_out(flux[rows], noise[rows], level[rows], near, narrowest)
    return found


def _stands_out(
    flux: FloatArray, noise: Column, level: Column, near: npt.NDArray[np.intp], narrowest: float
) -> BoolArray:
    """Tell where a few of the pixels `near` stand out more sharply than σ of `narrowest` pixels."""
    # the pixels lie side by side: slices need no copies
    at = {shift: flux[:, near[0] + shift : near[-1] + shift + 1] for shift in range(-4, 6)}
    continuum, sigma = _scales(at[0], noise, level)
    around = np.stack([at[shift] for shift in range(-3, 5)])
    peak = np.maximum(LEAST_PEAK * continuum, SURE * sigma)
    least = np.maximum(peak, SHARE_OF_RANGE * np.ptp(around, axis=0))
    base = 0.25 * (at[-4] + at[-3] + at[3] + at[4])
    single = _sharper(
        at[0] - base, (at[-1] - base, at[1] - base), (at[-2] - base, at[2] - base), least, sigma, narrowest
    )
    base = 0.25 * (at[-4] + at[-3] + at[4] + at[5])
    pair = _sharper(
        0.5 * (at[0] + at[1]) - base,
        (at[-1] - base, at[2] - base),
        (at[-2] - base, at[3] - base),
        least,
        sigma,
        narrowest,
        half=0.5,
    )
    around = flux[:, near[0] - REACH : near[-1] + REACH + 1]
    return single | pair | find_tracks(around, least=peak, sigma=sigma, narrowest=narrowest)


def _sharper(
    peak: FloatArray,
    beside: tuple[FloatArray, FloatArray],
    further: tuple[FloatArray, FloatArray],
    least: FloatArray,
    sigma: FloatArray,
    narrowest: float,
    *,
    half: float = 0.0,
) -> BoolArray:
    """Tell rows in which a peak, or a hole, larger than `least` is sharper than any line.

    Of a Gaussian of σ `narrowest`, in pixels, the peak is as high as its
    neighbours times a weight and those beyond them; of whatever is wider, or is
    made of such Gaussians, lower. `half` is the distance of the peak's pixels from
    its middle.
    """
    top, near, far = (np.exp(-0.5 * np.square((half + place) / narrowest)) for place in (0.0, 1.0, 2.0))
    weight = (top - 2.0 * far) / (2.0 * near)
    sign, height = np.sign(peak), np.abs(peak)
    expected = weight * (np.maximum(sign * beside[0], 0.0) + np.maximum(sign * beside[1], 0.0))
    expected += np.maximum(sign * further[0], 0.0) + np.maximum(sign * further[1], 0.0)
    error = sigma * np.sqrt(3.0 + 2.0 * weight**2 + 0.25 * (1.0 + 2.0 * weight) ** 2)
    sharper = height - expected > np.maximum(SHARPER * height, SURE_SHARPER * error)
    return np.asarray((sharper & (height > least)).any(axis=1))


def _step(flux: FloatArray, noise: Column, level: Column, wavelength_vac: FloatArray) -> BoolArray:
    """Tell where the flux steps near Hα from one pixel to the next, and stays there."""
    found = np.zeros(len(flux), dtype=bool)
    near = _pixels(wavelength_vac, STEP_A, margin=4)
    if not near.size:
        return found
    difference = np.diff(flux[:, near[0] - 1 : near[-1] + 3], axis=1)
    step, around = difference[:, 1:-1], np.abs(difference)
    height, beside = around[:, 1:-1], np.maximum(around[:, :-2], around[:, 2:])
    least = NEARLY * _least(LEAST_STEP, noise, level)[:, None]
    alone = beside < max(BESIDE_STEP, BESIDE_WITHIN) * height
    rows = np.flatnonzero(((height > least) & alone).any(axis=1))
    if not rows.size:
        return found
    flux, step, height, beside = flux[rows], step[rows], height[rows], beside[rows]
    continuum, sigma = _scales(np.maximum(flux[:, near], flux[:, near + 1]), noise[rows], level[rows])
    high = height > np.maximum(LEAST_STEP * continuum, SURE * sigma)
    stays = (beside < BESIDE_STEP * height) & _stays(flux, near, step)
    inside = np.abs(wavelength_vac[near] - HALPHA_VAC) < WITHIN_A
    across = np.sign(step) * _rise(flux, wavelength_vac)[:, None]
    within = (across > STAYS * height) & (across < MOST_ACROSS * height)
    within &= inside & (beside < BESIDE_WITHIN * height)
    found[rows] = (high & (stays | within)).any(axis=1)
    return found


def _stays(flux: FloatArray, near: npt.NDArray[np.intp], step: FloatArray) -> BoolArray:
    """Tell the steps after the pixels `near` on either side of which the flux is flat and differs by them."""
    before, after = (
        np.stack([flux[:, near + shift] for shift in shifts]) for shifts in (range(-4, 1), range(1, 6))
    )
    height = np.abs(step)
    flat = np.maximum(np.ptp(before, axis=0), np.ptp(after, axis=0)) < FLAT * height
    left = np.sign(step) * (after.mean(axis=0) - before.mean(axis=0))
    return np.asarray(flat & (left > STAYS * height))


def _rise(flux: FloatArray, wavelength_vac: FloatArray) -> Column:
    """Give by how much the continuum redward of the line is higher than blueward, shape (n,)."""
    place = wavelength_vac - HALPHA_VAC
    red, blue = (
        _median(flux[:, (sign * place > ACROSS_A[0]) & (sign * place < ACROSS_A[1])]) for sign in (1.0, -1.0)
    )
    return np.asarray(red - blue)


def _pixels(wavelength_vac: FloatArray, reach: float, *, margin: int) -> npt.NDArray[np.intp]:
    """Give the pixels within `reach` of Hα, Å; none where fewer than `margin` more lie beside them."""
    near = np.flatnonzero(np.abs(wavelength_vac - HALPHA_VAC) < reach)
    whole = near.size > 1 and near[0] >= margin and near[-1] < wavelength_vac.size - margin - 1
    return near if whole else near[:0]


def _least(share: float, noise: Column, level: Column) -> Column:
    """Give what is at least as high as a share of the continuum and sure where that is, shape (n,)."""
    return np.maximum(share * np.maximum(np.abs(level), noise), SURE * noise)


def _median(values: FloatArray) -> Column:
    """Give the medians of rows, shape (n,), to the bits of :func:`numpy.median`, without its preparations."""
    middle = values.shape[1] // 2
    if not middle:
        return np.asarray(np.median(values, axis=1))
    ordered = np.partition(values, (middle - 1, middle, -1), axis=1)
    found = ordered[:, middle] if values.shape[1] % 2 else 0.5 * (ordered[:, middle - 1] + ordered[:, middle])
    return np.where(np.isnan(ordered[:, -1]), np.nan, found)


def _scales(flux: FloatArray, noise: Column, level: Column) -> tuple[FloatArray, FloatArray]:
    """Give the size of the continuum, shape (n, 1), and the noise of pixels, which grows with their flux."""
    continuum = np.maximum(np.abs(level), noise)[:, None]
    photons = np.maximum(flux / np.where(continuum > 0, continuum, 1.0), 1.0)
    return continuum, noise[:, None] * np.sqrt(photons)
