"""Injection and recovery: emission of known strength and shape, put into real survey spectra."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.errors import UserError
from vo_emline.measure import measure_flux
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import finish
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.simulate import DIP, draw_stars, synthesise
from vo_emline.simulate.hosts import can_host, line_spreads, observe_hosts, on_hosts, put_in
from vo_emline.simulate.instruments import sample
from vo_emline.simulate.population import Random
from vo_emline.simulate.strength import PIXEL
from vo_emline.simulate.truth import TRUTH_GRID, tabulate

KINDS: Final = ("single", "disk", "shell", "p-cygni", "nebular")
"""Families of emission that are put in, in equal shares."""

SIGNIFICANCE: Final = (2.0, 200.0)
"""Range of |EW|/σ(EW), drawn evenly in its logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Injections:
    """Windows with emission put in, and what is true of it. Row *i* of every member is one spectrum."""

    windows: WindowSet
    """As the network gets them; their identity is that of the host."""
    host: npt.NDArray[np.int64]
    """Row of the host among the windows that were offered, shape (n,)."""
    truth: pa.Table
    """The columns of :func:`~vo_emline.simulate.truth.truth_table`, where ``snr`` is that of the
    pixels beside Hα; in addition ``ew_error`` (Å), ``ew_significance`` (|EW|/σ(EW)),
    ``sticks_out`` (:func:`sticks_out`) and ``clear`` (whether single or double is beyond doubt;
    P Cygni profiles are neither)."""

    def __len__(self) -> int:
        """Count the injections."""
        return len(self.host)


def inject(
    hosts: WindowSet,
    n: int,
    *,
    seed: int,
    options: PreprocessOptions | None = None,
    kinds: Sequence[str] = KINDS,
    significance: tuple[float, float] = SIGNIFICANCE,
) -> Injections:
    """Put simulated emission into real spectra.

    The line has the host's velocity and the line spread of a LAMOST fibre, and
    brings photon noise: the noise of the host's continuum is taken to be that
    of the star's light alone, which is the most a line can bring. Its class
    follows from the rule of :func:`~vo_emline.simulate.truth.classify` on a
    photosphere of the host's temperature. In hosts of the first LAMOST
    releases strong lines lose their inverse variance, as real ones do.

    Parameters
    ----------
    hosts
        Windows of survey spectra without emission; those that cannot be hosts
        (:func:`~vo_emline.simulate.hosts.can_host`) are passed over.
    n
        How many injections; each host is used as often as any other but for one.
    seed
        The same seed gives the same injections.
    options
        How the windows were prepared; None for the defaults.
    kinds
        Families of emission (:data:`~vo_emline.simulate.FAMILIES`).
    significance
        Least and largest |EW|/σ(EW).

    Raises
    ------
    UserError
        None of the windows can be a host.
    """
    usable = np.flatnonzero(can_host(hosts))
    if not usable.size:
        raise UserError("no spectrum has a positive continuum at Hα: there is nothing to put emission into")
    random = np.random.default_rng([seed, 11])
    rows = _draw_rows(usable, n, random)
    chosen = hosts.take(rows)
    stars = on_hosts(draw_stars(n, seed=seed, fractions=dict.fromkeys(kinds, 1.0)), chosen)
    spread = line_spreads(len(hosts), random)[rows]
    exposures = observe_hosts(
        stars, chosen, seed=seed, spread=spread, significance=significance, random=random
    )
    ideal = synthesise(stars, exposures, grid=TRUTH_GRID, seed=seed)
    truth = tabulate(stars, exposures, ideal, survey="lamost", seed=seed, pixel=PIXEL)
    truth = truth.append_column("sticks_out", pa.array(sticks_out(sample(ideal.flux, TRUTH_GRID, GRID))))
    component = sample(ideal.surroundings, TRUTH_GRID, GRID)
    return _observed(chosen, rows, component, truth, random=random, options=options or PreprocessOptions())


def sticks_out(flux: FloatArray) -> BoolArray:
    """Tell noise-free lines that stick out of their surroundings from those that only fill the core.

    A line sticks out where its core lies above its shoulders
    (:func:`~vo_emline.measure.width.local_excess`), or where there is more
    emission than absorption. Otherwise it only makes a photospheric line
    shallower, and who does not know how deep that was cannot see it.

    Parameters
    ----------
    flux
        Windows without noise, continuum at one, shape (n, 140).
    """
    lines = measure_flux(flux, None)
    return np.asarray((lines.excess > 0) | (lines.ew < 0))


def _draw_rows(usable: npt.NDArray[np.int64], n: int, random: Random) -> npt.NDArray[np.int64]:
    rounds = [random.permutation(usable) for _ in range(-(-n // usable.size))]
    return np.concatenate([*rounds, np.empty(0, dtype=np.int64)])[:n]


def _observed(
    hosts: WindowSet,
    rows: npt.NDArray[np.int64],
    component: FloatArray,
    truth: pa.Table,
    *,
    random: Random,
    options: PreprocessOptions,
) -> Injections:
    seen, weights = put_in(hosts, component, ew=np.array(truth["ew"]), random=random)
    return Injections(
        windows=dataclasses.replace(
            finish(seen, weights, identity=hosts.identity, options=options), indices=hosts.indices
        ),
        host=rows,
        truth=_complete(truth, measure_flux(seen, weights).ew_error),
    )


def _complete(truth: pa.Table, ew_error: FloatArray) -> pa.Table:
    dip, alone = (np.array(truth[name]) for name in ("dip", "component_dip"))
    single = (dip < DIP * 2 / 3) & (alone < DIP)
    double = (dip > DIP * 4 / 3) & (alone > DIP)
    columns = {
        "ew_error": ew_error,
        "ew_significance": np.abs(np.array(truth["ew"])) / ew_error,
        # the trough of a wind makes two maxima, and nobody would call it a double peak
        "clear": (single | double) & (np.array(truth["family"].to_pylist()) != "p-cygni"),
    }
    for name, values in columns.items():
        truth = truth.append_column(name, pa.array(values))
    return truth
