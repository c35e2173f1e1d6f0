"""From spectra to windows: line-spread matching, resampling and scaling, many spectra at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress, islice
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.arrays import FloatArray, SingleArray
from vo_emline.preprocess.continuum import fit_line, flatten, without_line
from vo_emline.preprocess.identity import coverage_table, identity_table
from vo_emline.preprocess.indices import N_INDICES, measure_indices
from vo_emline.preprocess.lsf import blur
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.partial import completed
from vo_emline.preprocess.resample import fill_bad, resample
from vo_emline.preprocess.scale import offset_and_scale
from vo_emline.preprocess.section import Sections, cut_sections
from vo_emline.preprocess.windows import GRID, N_PIXELS, WING_CENTRES, WindowSet
from vo_emline.preprocess.wings import measure_wings
from vo_emline.rejects import Reject
from vo_emline.spectra.spectrum import Coverage, Identity, Spectrum

BLOCK: Final = 64
"""Spectra worked on at a time: whole ones take 90 kB each, and what is made of them stays in the cache."""


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
        Spectra, gone through once; no more than :data:`BLOCK` of them are held.
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
    blocks = [_prepare_block(block, options) for block in _blocks(spectra)] or [_prepare_block([], options)]
    flux, ivar, indices, wings = (
        np.concatenate(part) for part in zip(*(one.arrays for one in blocks), strict=True)
    )
    rejects = [reject for one in blocks for reject in one.rejects]
    ends = np.full((len(flux), 2), np.nan)
    if options.continuum == "line":
        line = fit_line(flux)
        ends = line[:, [0, -1]]
        flux, ivar = without_line(flux, ivar, line)
    taken_out = offset_and_scale(flux, options.scaling)
    varied = taken_out[:, 1] > 0
    identities = [identity for one in blocks for identity in one.identities]
    rejects.extend(
        Reject(identities[i].source, "constant", "the flux does not vary over the window")
        for i in np.flatnonzero(~varied)
    )
    coverages = [coverage for one in blocks for coverage in one.coverages]
    windows = _scaled(
        flux[varied],
        ivar[varied],
        taken_out[varied],
        identity=identity_table(list(compress(identities, varied))),
    )
    windows = replace(windows, coverage=coverage_table(list(compress(coverages, varied))))
    if options.indices:
        beyond = np.concatenate([wings, ends], axis=1)[varied].astype(np.float32)
        windows = replace(windows, indices=indices[varied], wings=beyond)
    return windows, rejects


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


def on_grid(sections: Sections) -> tuple[FloatArray, FloatArray]:
    """Bring sections onto the grid of the window.

    Returns
    -------
    tuple
        Flux and inverse variance, shape (n, 140), not scaled.
    """
    wave = sections.wavelength_vac
    flux = fill_bad(sections.flux, sections.bad, wavelength_vac=wave)
    flux, ivar = blur(flux, sections.ivar, sigma_pixels=sections.sigma / sections.step)
    return resample(flux, ivar, wavelength_vac=wave, grid=GRID)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """What became of some spectra: n windows on the grid, not scaled, and the rejects."""

    arrays: tuple[FloatArray, FloatArray, SingleArray, FloatArray]
    """Flux and inverse variance, shape (n, 140); indices, shape (n, 2, :data:`N_INDICES`); wings, shape
    (n, 34)."""
    identities: list[Identity]
    coverages: list[Coverage]
    rejects: list[Reject]


def _blocks(spectra: Iterable[Spectrum]) -> Iterator[list[Spectrum]]:
    remaining = iter(spectra)
    while block := list(islice(remaining, BLOCK)):
        yield block


def _prepare_block(spectra: Sequence[Spectrum], options: PreprocessOptions) -> _Block:
    """Bring spectra onto the grid, those on equal wavelengths together."""
    n = len(spectra)
    flux, ivar = np.empty((n, N_PIXELS)), np.empty((n, N_PIXELS))
    indices, wings = np.empty((n, 2, N_INDICES), dtype=np.float32), np.empty((n, WING_CENTRES.size))
    refused: list[Reject | None] = [None] * n
    filled = [completed(spectrum, options) for spectrum in spectra]
    identities = [spectrum.identity for spectrum in filled]
    for rows in _alike(filled):
        sections, reasons = cut_sections([filled[row] for row in rows], options)
        for row, reason in zip(rows, reasons, strict=True):
            refused[row] = reason
        if sections is not None:
            kept = [row for row in rows if refused[row] is None]
            flux[kept], ivar[kept] = on_grid(sections)
            for name, has in sections.artefacts.items():
                for row in compress(kept, has):
                    identities[row] = identities[row].flagged(name)
            if options.indices:
                own = [spectra[row] for row in kept]
                indices[kept], wings[kept] = measure_indices(own), measure_wings(own)
    usable = [reason is None for reason in refused]
    found = list(compress(filled, usable))
    return _Block(
        arrays=(flux[usable], ivar[usable], indices[usable], wings[usable]),
        identities=list(compress(identities, usable)),
        coverages=[spectrum.coverage for spectrum in found],
        rejects=[reason for reason in refused if reason is not None],
    )


def _alike(spectra: Sequence[Spectrum]) -> Iterable[list[int]]:
    """Group spectra by wavelengths and resolving power."""
    # readers share one array among the files of a survey, so that few are compared byte by byte
    arrays = {id(spectrum.wavelength_vac): spectrum.wavelength_vac for spectrum in spectra}
    content = {name: wavelengths.tobytes() for name, wavelengths in arrays.items()}
    groups: defaultdict[tuple[bytes, float], list[int]] = defaultdict(list)
    for row, spectrum in enumerate(spectra):
        groups[content[id(spectrum.wavelength_vac)], spectrum.resolving_power].append(row)
    return groups.values()


def _scaled(flux: FloatArray, ivar: FloatArray, taken_out: FloatArray, *, identity: pa.Table) -> WindowSet:
    offset, scale = taken_out[:, :1], taken_out[:, 1:]
    return WindowSet(
        flux=((flux - offset) / scale).astype(np.float32),
        ivar=np.minimum(ivar * scale**2, np.finfo(np.float32).max).astype(np.float32),
        continuum=taken_out.astype(np.float32),
        identity=identity,
    )
