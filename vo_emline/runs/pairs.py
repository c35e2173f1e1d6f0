"""Stars that both the labelled archive and the survey have seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import astropy.units as u
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from astropy.coordinates import SkyCoord, search_around_sky

from vo_emline.errors import DataError
from vo_emline.preprocess import Step, adaptation_steps, measure_velocity
from vo_emline.spectra import Identity, Spectrum, read_or_reject

RADIUS: Final = 25 * u.arcsec
"""Telescope positions of bright stars are off by up to 24″."""


def common_stars(training: Sequence[Identity], survey: pa.Table) -> list[tuple[int, int]]:
    """Match two lists of spectra by position within :data:`RADIUS`, nearest first.

    Parameters
    ----------
    training
        Who the labelled spectra are.
    survey
        Columns ``ra`` and ``dec``, ICRS deg, of the survey's spectra.

    Returns
    -------
    list of tuple
        Indices into both lists; every spectrum of either at most once.
    """
    first, here = _sky([one.ra for one in training], [one.dec for one in training])
    second, there = _sky(survey["ra"].to_pylist(), survey["dec"].to_pylist())
    if not first.size or not second.size:
        return []
    left, right, separation, _ = search_around_sky(here, there, RADIUS)
    pairs: dict[int, int] = {}
    for k in np.argsort(separation, kind="stable"):
        one, other = int(first[left[k]]), int(second[right[k]])
        if one not in pairs and other not in pairs.values():
            pairs[one] = other
    return list(pairs.items())


def _sky(ra: Sequence[float | None], dec: Sequence[float | None]) -> tuple[npt.NDArray[np.intp], SkyCoord]:
    """Give the positions that are known, and the rows they are of."""
    both = np.array([ra, dec], dtype=np.float64)
    rows = np.flatnonzero(np.isfinite(both).all(axis=0))
    return rows, SkyCoord(both[0, rows] * u.deg, both[1, rows] * u.deg)


def adaptation(training: Sequence[Path], survey: pa.Table, *, most: int = 4) -> list[tuple[str, list[Step]]]:
    """Follow stars that both instruments saw through the adaptation.

    Parameters
    ----------
    training
        Files of the labelled spectra.
    survey
        Scores of the survey: ``source``, ``ra`` and ``dec`` are used. Only the files of common stars are
        opened.
    most
        How many stars.

    Returns
    -------
    list of tuple
        Name of the star and its steps (:func:`~vo_emline.preprocess.adaptation_steps`).
    """
    labelled = [s for s in map(read_or_reject, training) if isinstance(s, Spectrum)]
    followed: list[tuple[str, list[Step]]] = []
    for i, j in common_stars([one.identity for one in labelled], survey):
        source, target = labelled[i], read_or_reject(survey["source"][j].as_py())
        if not isinstance(target, Spectrum):
            continue  # the file has gone since
        try:
            velocity = measure_velocity(source, target)
            steps = adaptation_steps(source, target, velocity_kms=velocity)
        except DataError:
            continue  # one of the two has no window; another pair will do
        followed.append((source.identity.object_name or target.identity.designation, steps))
        if len(followed) == most:
            break
    return followed
