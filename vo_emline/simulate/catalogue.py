"""Who the spectra of a large simulated survey are: identities of many at a time, without a loop."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.arrays import FloatArray, IntArray
from vo_emline.preprocess.identity import COVERAGE_SCHEMA, IDENTITY_SCHEMA
from vo_emline.simulate.instruments import lamost_pixels
from vo_emline.simulate.lamost_files import FIRST_OBSID, PLATE, SPECTROGRAPHS
from vo_emline.simulate.stars import FAMILIES, FEATURELESS, spectral_type
from vo_emline.spectra.lamost import LRS, RESOLVING_POWER
from vo_emline.spectra.medium import SPEED_OF_LIGHT_KMS

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
