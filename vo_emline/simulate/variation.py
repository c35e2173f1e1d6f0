"""Spectra of a large survey: components of a library combined at random, with new noise for each pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from vo_emline.arrays import FloatArray, IntArray
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.preprocess.continuum import flatten
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.resample import resample
from vo_emline.preprocess.scale import offset_and_scale
from vo_emline.preprocess.windows import GRID, N_PIXELS
from vo_emline.simulate.instruments import (
    Conditions,
    Floats,
    draw_level,
    draw_overstatement,
    draw_residue_scale,
    draw_sky_share,
    expose,
)
from vo_emline.simulate.library import PIXELS, SHIFTS_KMS, Float32, Library
from vo_emline.simulate.pointings import LAMOST_EPOCHS, draw_positions, draw_snr
from vo_emline.simulate.population import Random
from vo_emline.simulate.truth import is_doubtful

BLOCK: Final = 512
"""Spectra worked on at a time, so that they stay in the cache of the processor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What is drawn for each of n spectra, shape (n,) each."""

    row: IntArray
    """The star, its sky and its residue: rows of the library."""
    shift: IntArray
    """Index into :data:`~vo_emline.simulate.library.SHIFTS_KMS`."""
    response: IntArray
    spikes: IntArray
    snr: FloatArray
    """Signal-to-noise ratio per pixel beside Hα."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variations:
    """Prepared windows of n spectra, and what is true of them."""

    flux: Float32
    """Scaled flux, shape (n, 140)."""
    ivar: Float32
    """Its inverse variance, shape (n, 140); 0 where unknown."""
    continuum: Float32
    """Offset and scale taken out, shape (n, 2)."""
    truth: pa.Table
    """Columns as :func:`~vo_emline.simulate.truth_table` gives them, without ``object_name``."""


def vary(
    library: Library, n: int, *, prevalence: float, random: Random, options: PreprocessOptions
) -> Variations:
    """Make windows of `n` new spectra.

    Each is a star of the library, moved in velocity, at a new place, epoch and
    S/N, with the star's sky, a residue of new strength and sign, response and
    cosmic rays of other spectra, and new photon noise.

    Parameters
    ----------
    library
        The components.
    n
        How many spectra.
    prevalence
        Share of spectra with emission, as an expectation.
    random
        Where everything comes from.
    options
        Settings of the windows.
    """
    drawn = _draw(library, n, prevalence=prevalence, random=random)
    flux, ivar = np.empty((2, n, N_PIXELS), dtype=np.float32)
    continuum = np.empty((n, 2), dtype=np.float32)
    for rows in _blocks(n):
        seen = _observe(library, drawn, rows, random=random)
        flux[rows], ivar[rows], continuum[rows] = _prepare(*seen, options=options)
    return Variations(flux=flux, ivar=ivar, continuum=continuum, truth=_truth(library, drawn, random=random))


def _draw(library: Library, n: int, *, prevalence: float, random: Random) -> Draw:
    emitting = np.asarray(library.truth["label"]) != LABELS[ABSORPTION]
    wanted = random.uniform(size=n) < prevalence
    share = random.uniform(size=n)
    pools = [np.flatnonzero(emitting == kind) for kind in (False, True)]
    row = np.where(wanted, *(pool[(share * len(pool)).astype(int)] for pool in (pools[1], pools[0])))
    return Draw(
        row=row,
        shift=random.integers(0, len(SHIFTS_KMS), n),
        response=random.integers(0, len(library), n),
        spikes=random.integers(0, len(library), n),
        snr=draw_snr(n, random),
    )


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))


def _observe(library: Library, drawn: Draw, rows: slice, *, random: Random) -> tuple[Floats, Floats]:
    """Give flux and inverse variance on the library's pixels."""
    row, snr = drawn.row[rows], drawn.snr[rows]
    spikes = library.spikes[drawn.spikes[rows]]
    share = _single(draw_sky_share(snr, random))
    strength = _single(draw_residue_scale(snr, random) * random.choice([-1.0, 1.0], len(row)))
    level = _single(draw_level(snr, random))
    conditions = Conditions(
        sky=share * library.sky[row],
        sky_share=share,
        noise=random.standard_normal(spikes.shape, dtype=np.float32) + spikes,
        residue=strength * library.residue[row],
        response=level * library.response[drawn.response[rows]],
        overstated=_single(draw_overstatement(len(row), random)),
    )
    flux, ivar = expose(library.signal[drawn.shift[rows], row], conditions, snr=snr.astype(np.float32))
    hit = spikes != 0
    ivar[hit] *= random.integers(0, 2, int(hit.sum()))
    return flux, ivar


def _single(values: FloatArray) -> Float32:
    """Make a column of single precision."""
    return values.astype(np.float32)[:, None]


def _prepare(flux: Floats, ivar: Floats, *, options: PreprocessOptions) -> tuple[FloatArray, ...]:
    """Make windows, with the steps of :func:`vo_emline.preprocess.prepare`."""
    flux, ivar = resample(flux, ivar, wavelength_vac=PIXELS, grid=GRID)
    if options.continuum == "line":
        flux, ivar = flatten(flux, ivar)
    taken_out = offset_and_scale(flux, options.scaling)
    offset, scale = taken_out[:, :1], taken_out[:, 1:]
    return (flux - offset) / scale, ivar * scale**2, taken_out


def _truth(library: Library, drawn: Draw, *, random: Random) -> pa.Table:
    """Tabulate what is true: that of the library's star, but for what was drawn anew."""
    n = len(drawn.row)
    truth = library.truth.take(drawn.row).drop_columns("object_name")
    ra, dec = draw_positions(n, random)
    significance = truth["significance"].to_numpy() * drawn.snr / truth["snr"].to_numpy()
    new = {
        "ra": ra,
        "dec": dec,
        "snr": drawn.snr,
        "significance": significance,
        "doubtful": is_doubtful(truth["ew"].to_numpy(), truth["dip"].to_numpy(), significance),
        "velocity_kms": truth["velocity_kms"].to_numpy() + SHIFTS_KMS[drawn.shift],
        "epoch_mjd": np.round(random.uniform(*LAMOST_EPOCHS, n), 5),
    }
    for name, values in new.items():
        truth = truth.set_column(truth.column_names.index(name), name, pa.array(values))
    return truth
