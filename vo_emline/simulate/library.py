"""A library of what spectra are made of, for surveys too large to simulate star by star.

Computing a star and its surroundings takes a hundred times as long as putting
noise on it. A library holds some thousand stars, and as many skies, responses
and cosmic rays; :mod:`~vo_emline.simulate.variation` combines them at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from vo_emline.arrays import FloatArray
from vo_emline.files import atomic_path
from vo_emline.preprocess.windows import WINDOW_VAC
from vo_emline.progress import track
from vo_emline.simulate.instruments import (
    draw_cosmic_rays,
    draw_residue,
    draw_response,
    lamost_pixels,
    sample,
    sky_brightness,
)
from vo_emline.simulate.population import SKY_FRACTIONS, draw_exposures, draw_stars
from vo_emline.simulate.stars import FAMILIES, FEATURELESS, NORMAL
from vo_emline.simulate.synthesis import synthesise
from vo_emline.simulate.truth import LAMOST_PIXEL, TRUTH_GRID, tabulate
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


def build_library(n: int, *, seed: int) -> Library:
    """Simulate a library, half of it stars with emission in the proportions of the sky.

    Parameters
    ----------
    n
        How many spectra.
    seed
        The same seed gives the same library.
    """
    stars = draw_stars(n, seed=seed, survey="lamost", fractions=with_prevalence(0.5))
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
