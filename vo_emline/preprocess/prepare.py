"""From spectra to windows: line-spread matching, resampling and scaling, many spectra at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.arrays import FloatArray
from vo_emline.preprocess.continuum import flatten
from vo_emline.preprocess.identity import coverage_table, identity_table
from vo_emline.preprocess.indices import N_INDICES, measure_indices
from vo_emline.preprocess.lsf import blur
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.resample import fill_bad, resample
from vo_emline.preprocess.scale import offset_and_scale
from vo_emline.preprocess.section import Section, cut_section
from vo_emline.preprocess.windows import GRID, N_PIXELS, WindowSet
from vo_emline.rejects import Reject
from vo_emline.spectra.spectrum import Spectrum


def prepare(
    spectra: Iterable[Spectrum], options: PreprocessOptions | None = None
) -> tuple[WindowSet, list[Reject]]:
    """Make the windows of spectra.

    Every spectrum ends in one of the two results; windows keep the order of
    the spectra. Spectra on equal wavelengths are worked on together, so that
    LAMOST files (which share theirs) go fast.

    Bad pixels are interpolated over and get an inverse variance of 0. Pixels
    that are not masked but have no inverse variance (LAMOST DR1 on strong
    emission) keep their flux and the 0.

    Parameters
    ----------
    spectra
        Spectra, gone through once. The part of each that its window needs
        (about 6 kB for LAMOST) is held until the end: a few thousand at a
        time go fastest.
    options
        Settings; None for the defaults.

    Returns
    -------
    tuple
        The windows, and a reject for each spectrum without one, with code
        ``sky_fibre``, ``unused_fibre``, ``not_covered``, ``too_coarse``,
        ``no_signal``, ``too_many_bad_pixels`` or ``constant``.
    """
    options = options or PreprocessOptions()
    sections: list[Section] = []
    indices: list[FloatArray] = []
    rejects: list[Reject] = []
    for spectrum in spectra:
        cut = cut_section(spectrum, options)
        if isinstance(cut, Section):
            sections.append(cut)
            if options.indices:
                indices.append(measure_indices(spectrum))
        else:
            rejects.append(cut)
    flux, ivar = _all_on_grid(sections)
    if options.continuum == "line":
        flux, ivar = flatten(flux, ivar)
    taken_out = offset_and_scale(flux, options.scaling)
    varied = taken_out[:, 1] > 0
    rejects.extend(
        Reject(sections[i].identity.source, "constant", "the flux does not vary over the window")
        for i in np.flatnonzero(~varied)
    )
    kept = [section for section, keep in zip(sections, varied, strict=True) if keep]
    identity = identity_table([section.identity for section in kept])
    windows = _scaled(flux[varied], ivar[varied], taken_out[varied], identity=identity)
    windows = replace(windows, coverage=coverage_table([section.coverage for section in kept]))
    if not options.indices:
        return windows, rejects
    measured = np.array(indices, dtype=np.float32).reshape(-1, 2, N_INDICES)
    return replace(windows, indices=measured[varied]), rejects


def finish(
    flux: npt.NDArray[np.floating],
    ivar: npt.NDArray[np.floating],
    *,
    identity: pa.Table,
    options: PreprocessOptions,
) -> WindowSet:
    """Take continuum and scale out of windows that are on the grid already, as :func:`prepare` does.

    Parameters
    ----------
    flux, ivar
        Shape (n, 140).
    identity
        Who they are, n rows.
    options
        Settings; line spreads are what they are.
    """
    level, weight = flux.astype(np.float64), ivar.astype(np.float64)
    if options.continuum == "line":
        level, weight = flatten(level, weight)
    return _scaled(level, weight, offset_and_scale(level, options.scaling), identity=identity)


def on_grid(sections: Sequence[Section]) -> tuple[FloatArray, FloatArray]:
    """Bring sections that share their :attr:`Section.key` onto the grid of the window.

    Returns
    -------
    tuple
        Flux and inverse variance, shape (n, 140), not scaled.
    """
    first = sections[0]
    wave = first.wavelength_vac
    bad = np.stack([section.bad for section in sections])
    flux = fill_bad(np.stack([section.flux for section in sections]), bad, wavelength_vac=wave)
    ivar = np.stack([section.ivar for section in sections])
    flux, ivar = blur(flux, ivar, sigma_pixels=first.sigma / first.step)
    return resample(flux, ivar, wavelength_vac=wave, grid=GRID)


def _all_on_grid(sections: Sequence[Section]) -> tuple[FloatArray, FloatArray]:
    flux = np.empty((len(sections), N_PIXELS))
    ivar = np.empty_like(flux)
    groups: defaultdict[tuple[bytes, float], list[int]] = defaultdict(list)
    for index, section in enumerate(sections):
        groups[section.key].append(index)
    for rows in groups.values():
        flux[rows], ivar[rows] = on_grid([sections[row] for row in rows])
    return flux, ivar


def _scaled(flux: FloatArray, ivar: FloatArray, taken_out: FloatArray, *, identity: pa.Table) -> WindowSet:
    offset, scale = taken_out[:, :1], taken_out[:, 1:]
    return WindowSet(
        flux=((flux - offset) / scale).astype(np.float32),
        ivar=np.minimum(ivar * scale**2, np.finfo(np.float32).max).astype(np.float32),
        continuum=taken_out.astype(np.float32),
        identity=identity,
    )
