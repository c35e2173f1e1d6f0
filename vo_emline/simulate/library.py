"""Surveys of millions: components of simulated stars, varied at random, and their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vo_emline.arrays import FloatArray, IntArray
from vo_emline.files import atomic_path
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.preprocess.continuum import flatten
from vo_emline.preprocess.identity import COVERAGE_SCHEMA, IDENTITY_SCHEMA
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.resample import resample
from vo_emline.preprocess.scale import offset_and_scale
from vo_emline.preprocess.windows import GRID, N_PIXELS, WINDOW_VAC
from vo_emline.progress import track
from vo_emline.simulate.files import FIRST_OBSID, PLATE, SPECTROGRAPHS
from vo_emline.simulate.instruments import (
    Conditions,
    Floats,
    draw_cosmic_rays,
    draw_level,
    draw_overstatement,
    draw_residue,
    draw_residue_scale,
    draw_response,
    draw_sky_share,
    expose,
    lamost_pixels,
    sample,
    sky_brightness,
)
from vo_emline.simulate.pointings import LAMOST_EPOCHS, draw_positions, draw_snr
from vo_emline.simulate.population import SKY_FRACTIONS, Random, draw_exposures, draw_stars
from vo_emline.simulate.stars import FAMILIES, FEATURELESS, NORMAL, spectral_type
from vo_emline.simulate.synthesis import synthesise
from vo_emline.simulate.truth import LAMOST_PIXEL, TRUTH_GRID, is_doubtful, tabulate
from vo_emline.spectra.lamost import LRS, RESOLVING_POWER
from vo_emline.spectra.medium import SPEED_OF_LIGHT_KMS

PIXELS: Final[FloatArray] = lamost_pixels(WINDOW_VAC[0] - 4.0, WINDOW_VAC[1] + 4.0)
"""LAMOST's pixels in the window and a margin, vacuum Å."""

SHIFTS_KMS: Final = TRUTH_GRID.step_kms * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
"""Velocities by which the stars are moved, km/s: whole steps of their grid, so that nothing is smoothed."""

_ORDINARY: Final = (FAMILIES[NORMAL], FAMILIES[FEATURELESS])
_CHUNK: Final = 512
_TRUTH_FILE: Final = "truth.parquet"

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Components of n LAMOST spectra on the m :data:`PIXELS`, in single precision."""

    signal: Float32
    """Noise-free spectra at each of :data:`SHIFTS_KMS`, continuum at one, shape (shifts, n, m)."""
    sky: Float32
    """Brightness of the sky over its mean, in the frame and at the line spread of the star, shape (n, m)."""
    residue: Float32
    """What sky subtraction leaves, of unit strength, shape (n, m)."""
    response: Float32
    """Response of fibre and pipeline, about one, shape (n, m)."""
    spikes: Float32
    """Cosmic rays in units of the noise, 0 where there are none, shape (n, m)."""
    truth: pa.Table
    """What is true of the stars at shift 0 (:func:`~vo_emline.simulate.truth_table`)."""

    def __len__(self) -> int:
        """Count the spectra."""
        return len(self.sky)

    def write(self, directory: Path) -> None:
        """Write the library into a folder, the truth last: where it is, everything is."""
        for name in _ARRAYS:
            with atomic_path(directory / f"{name}.npy") as temporary, temporary.open("wb") as file:
                np.save(file, getattr(self, name))
        with atomic_path(directory / _TRUTH_FILE) as temporary:
            pq.write_table(self.truth, temporary)

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Map a library that :meth:`write` wrote; processes that do so share its memory."""
        arrays = {name: np.load(directory / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        return cls(**arrays, truth=pq.read_table(directory / _TRUTH_FILE))

    @staticmethod
    def is_complete(directory: Path) -> bool:
        """Tell whether a whole library is in a folder."""
        return (directory / _TRUTH_FILE).is_file()


_ARRAYS: Final = tuple(field.name for field in fields(Library) if field.name != "truth")


def build_library(n: int, *, seed: int, fractions: Mapping[str, float] | None = None) -> Library:
    """Simulate a library.

    Parameters
    ----------
    n
        How many spectra.
    seed
        The same seed gives the same library.
    fractions
        Shares of the families of stars; None for half stars with emission, in the proportions of the sky.
    """
    stars = draw_stars(n, seed=seed, survey="lamost", fractions=fractions or with_prevalence(0.5))
    exposures = draw_exposures(stars, seed=seed, survey="lamost")
    parts = []
    for first in track(range(0, n, _CHUNK), "simulating stars", unit=f"× {_CHUNK} stars"):
        chunk = exposures.take(slice(first, first + _CHUNK))
        random = np.random.default_rng([seed, 8, first])
        ideal = synthesise(stars, chunk, grid=TRUTH_GRID, seed=seed)
        parts.append(
            Library(
                signal=np.stack([_moved(ideal.flux, shift) for shift in SHIFTS_KMS]),
                sky=sky_brightness(chunk, PIXELS).astype(np.float32),
                residue=draw_residue(chunk, PIXELS, random).astype(np.float32),
                response=draw_response(len(chunk), PIXELS, random).astype(np.float32),
                spikes=draw_cosmic_rays(len(chunk), PIXELS.size, random)[0].astype(np.float32),
                truth=tabulate(stars, chunk, ideal, survey="lamost", seed=seed, pixel=LAMOST_PIXEL),
            )
        )
    joined = {name: np.concatenate([getattr(part, name) for part in parts], axis=-2) for name in _ARRAYS}
    return Library(**joined, truth=pa.concat_tables([part.truth for part in parts]).combine_chunks())


def with_prevalence(share: float) -> Mapping[str, float]:
    """Give shares of the families so that `share` of the stars have emission, in proportion as in the sky."""
    ordinary = sum(SKY_FRACTIONS[name] for name in _ORDINARY)
    emitting = sum(SKY_FRACTIONS.values()) - ordinary
    return {
        name: part * ((1.0 - share) / ordinary if name in _ORDINARY else share / emitting)
        for name, part in SKY_FRACTIONS.items()
    }


def _moved(flux: FloatArray, shift_kms: float) -> Float32:
    """Sample spectra on :data:`PIXELS` after moving them; redshift is positive."""
    return sample(flux, TRUTH_GRID, PIXELS * np.exp(-shift_kms / SPEED_OF_LIGHT_KMS)).astype(np.float32)


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


RELEASE: Final = "simulated"
"""Release that the identities state."""

_TYPES: Final = np.array([spectral_type(float(teff)) for teff in range(2_500, 42_000, 10)])
"""Spectral type at each tenth kelvin from 2500."""


def identities(truth: pa.Table, *, first: int, seed: int) -> pa.Table:
    """Give spectra identities as the survey's files state them.

    Parameters
    ----------
    truth
        One row per spectrum (:func:`~vo_emline.simulate.truth_table`).
    first
        Running number of the first; it makes the observation identifier, plate and fibre.
    seed
        The survey's seed; it makes the plan and the names of the stars.

    Returns
    -------
    pyarrow.Table
        Columns of :data:`~vo_emline.preprocess.IDENTITY_SCHEMA`.
    """
    n = truth.num_rows
    number = np.arange(first, first + n)
    ra, dec, epoch, velocity = (truth[name].to_numpy() for name in ("ra", "dec", "epoch_mjd", "velocity_kms"))
    galaxy = pc.equal(truth["family"], FAMILIES[FEATURELESS])
    obsid = FIRST_OBSID + number
    columns: dict[str, Any] = {
        "source": _join("simulated/", obsid, ".fits"),
        "survey": _constant(LRS, n),
        "release": _constant(RELEASE, n),
        "obsid": obsid,
        "publisher_did": _constant("", n),
        "designation": designations(ra, dec),
        "object_name": object_names(number, seed=seed),
        "ra": ra,
        "dec": dec,
        "lmjd": epoch.astype(np.int64) + 1,
        "planid": _join(f"SIM{seed:03d}V", number // (PLATE * SPECTROGRAPHS) + 1),
        "spid": number // PLATE % SPECTROGRAPHS + 1,
        "fiberid": number % PLATE + 1,
        "fiber_type": _constant("Obj", n),
        "epoch_mjd": epoch,
        "epoch_kind": _constant("middle", n),
        "exposure_s": np.full(n, 4500.0),
        "spectral_class": pc.if_else(galaxy, "GALAXY", "STAR"),
        "spectral_subclass": pc.if_else(galaxy, "", spectral_types(truth["teff"].to_numpy())),
        "redshift": velocity / SPEED_OF_LIGHT_KMS,
        "snr_r": truth["snr"],
        "read_flags": _constant("", n),
    }
    return pa.table(columns, schema=IDENTITY_SCHEMA)


def coverages(n: int) -> pa.Table:
    """Give what the file of each of `n` spectra would hold, columns of ``COVERAGE_SCHEMA``."""
    pixels = lamost_pixels()
    values = {
        "wave_min": float(pixels[0]),
        "wave_max": float(pixels[-1]),
        "n_pixels": pixels.size,
        "resolving_power": RESOLVING_POWER[LRS],
        "normalised": False,
        "layout": "simulated",
        "file_size": None,
    }
    columns = [pa.repeat(pa.scalar(values[field.name], field.type), n) for field in COVERAGE_SCHEMA]
    return pa.table(columns, schema=COVERAGE_SCHEMA)


def object_names(number: IntArray, *, seed: int) -> pa.Array:
    """Name the stars of a survey that sees each of them once."""
    return _join(f"SIM L{seed:03d}-", _padded(number, 9))


def designations(ra: FloatArray, dec: FloatArray) -> pa.Array:
    """Name positions (ICRS, deg) as :func:`~vo_emline.simulate.stars.designation` does, truncated."""
    ra_cs = (ra / 15.0 * 360_000.0).astype(np.int64) % 8_640_000
    dec_ds = (np.abs(dec) * 36_000.0).astype(np.int64)
    return _join(
        "J",
        *(_padded(part, 2) for part in (ra_cs // 360_000, ra_cs // 6_000 % 60, ra_cs // 100 % 60)),
        ".",
        _padded(ra_cs % 100, 2),
        pc.if_else(pa.array(dec < 0), "-", "+"),
        *(_padded(part, 2) for part in (dec_ds // 36_000, dec_ds // 600 % 60, dec_ds // 10 % 60)),
        ".",
        dec_ds % 10,
    )


def spectral_types(teff: FloatArray) -> pa.Array:
    """Give spectral types of dwarfs (:func:`~vo_emline.simulate.stars.spectral_type`), to ten kelvin."""
    index = np.clip((teff - 2_500.0) / 10.0, 0, len(_TYPES) - 1).astype(int)
    return pa.array(_TYPES).take(pa.array(index))


def _padded(number: IntArray, width: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(number).cast(pa.string()), width, padding="0")


def _join(*parts: str | pa.Array | IntArray) -> pa.Array:
    """Put texts and numbers behind one another, row by row."""
    texts = [pa.array(part).cast(pa.string()) if isinstance(part, np.ndarray) else part for part in parts]
    return pc.binary_join_element_wise(*texts, "")


def _constant(text: str, n: int) -> pa.Array:
    return pa.repeat(text, n)
