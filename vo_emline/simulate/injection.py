"""Emission put into real survey spectra: what each host is, light of known strength and shape, its noise.

Training takes its injected examples from here, and evaluation its trial. The chain: an emitting star is
drawn for each host and gets the host's photosphere (:func:`on_hosts`), velocity and noise
(:func:`observe_hosts`), its surroundings shine (:func:`draw_light`), and their light is added with the
photon noise that it brings (:func:`put_in`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.arrays import BoolArray, Column, DoubleWindows, FloatArray
from vo_emline.errors import UserError
from vo_emline.measure.lines import measure_flux
from vo_emline.measure.shape import DIP
from vo_emline.preprocess.continuum import fit_line
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import finish
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.simulate.hosts import (
    PIXEL,
    can_host,
    draw_ew,
    line_spreads,
    relative_noise,
    temperatures,
    velocities,
)
from vo_emline.simulate.instruments import sample
from vo_emline.simulate.kinds import line_width
from vo_emline.simulate.population import Exposures, Random, draw_exposures, draw_stars, rotation_share
from vo_emline.simulate.stars import Stars
from vo_emline.simulate.synthesis import Ideal, synthesise
from vo_emline.simulate.truth import TRUTH_GRID, tabulate
from vo_emline.spectra.medium import HALPHA_VAC

KINDS: Final = ("single", "disk", "shell", "p-cygni", "nebular")
"""Families of emission that are put in, in equal shares."""

SIGNIFICANCE: Final = (2.0, 200.0)
"""Range of |EW|/σ(EW), drawn evenly in its logarithm."""

_DEFECT_RELEASE: Final = "2.6"
_DEFECT_EW: Final = -4.0


def on_hosts(stars: Stars, hosts: WindowSet) -> Stars:
    """Give stars the photospheres of their hosts: temperature, and rotation as fast as is usual there.

    What surrounds them stays. Cool stars rotate slowly, so that their Hα core
    is narrow and bites into a line that is put in.
    """
    teff = temperatures(hosts)
    slower = rotation_share(teff) / rotation_share(stars.teff)
    return dataclasses.replace(stars, teff=teff, v_sin_i_kms=stars.v_sin_i_kms * slower)


def observe_hosts(
    stars: Stars,
    hosts: WindowSet,
    *,
    seed: int,
    spread: Column,
    significance: tuple[float, float],
    random: Random,
    noise: FloatArray | None = None,
) -> Exposures:
    """Observe each star as its host was, with a line as strong as wanted in the host's noise.

    Parameters
    ----------
    stars, hosts
        What emits, and the spectrum it is put into, one of each.
    seed
        Of the observations.
    spread
        Line spread of each host: standard deviation, Å, shape (n,).
    significance
        Least and largest |EW|/σ(EW), drawn evenly in its logarithm.
    random
        Where strengths and velocities come from.
    noise
        Noise of a pixel over the continuum, shape (n,); None for that of the host.
    """
    drawn = draw_exposures(stars, seed=seed)
    noise = relative_noise(hosts) if noise is None else noise
    # the noise that the line itself brings comes on top
    ew = draw_ew(noise, significance, random, width=line_width(stars))
    return dataclasses.replace(
        drawn,
        snr=1.0 / noise,
        velocity_kms=velocities(hosts) + random.normal(0.0, 8.0, len(stars)),
        lsf_sigma=spread,
        ew=np.where(stars.ew > 0, -ew, ew),
    )


def put_in(
    hosts: WindowSet, component: DoubleWindows, *, ew: Column, random: Random
) -> tuple[FloatArray, FloatArray]:
    """Add light to hosts, and the photon noise it brings.

    The noise of the host's continuum is taken to be that of the star's light
    alone, which is the most a line can bring. In hosts of the first LAMOST
    releases strong lines lose their inverse variance, as real ones do.

    Parameters
    ----------
    hosts
        Windows.
    component
        What is added, in units of the continuum, shape (n, 140).
    ew
        Equivalent width of what is added, Å, shape (n,).
    random
        Where the noise comes from.

    Returns
    -------
    tuple
        Flux and inverse variance without scaling, shape (n, 140).
    """
    flux, ivar = hosts.unscaled()
    level = fit_line(flux)
    lit = np.maximum(flux + level * component, np.minimum(flux, 0.0))
    added = np.square(relative_noise(hosts))[:, None] * np.maximum(component, 0.0) * np.square(level)
    seen = lit + np.sqrt(added) * random.standard_normal(flux.shape)
    return seen, _spoil(_with_added(ivar, added), hosts, ew, random)


def _with_added(ivar: FloatArray, added: FloatArray) -> FloatArray:
    """Add a variance to inverse variances, of which 0 stays 0."""
    known = ivar > 0
    return np.where(known, 1.0 / (1.0 / np.where(known, ivar, 1.0) + added), 0.0)


def _spoil(ivar: FloatArray, hosts: WindowSet, ew: FloatArray, random: Random) -> npt.NDArray[np.float64]:
    """Zero the inverse variance on strong lines in hosts of LAMOST's pipeline 2.6, as that does."""
    old = [
        release.lstrip("vV").startswith(_DEFECT_RELEASE) for release in hosts.identity["release"].to_pylist()
    ]
    drawn = random.uniform(6.0, 20.0, size=len(ew))
    width = np.where(np.array(old, dtype=bool) & (ew < _DEFECT_EW), drawn, -1.0)
    return np.where(np.abs(GRID - HALPHA_VAC) < width[:, None], 0.0, ivar)


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """Emitting stars as their hosts were observed; n of them."""

    stars: Stars
    exposures: Exposures
    ideal: Ideal
    seed: int

    @property
    def component(self) -> DoubleWindows:
        """What surrounds each star, in units of the continuum, on the window's pixels, shape (n, 140)."""
        return sample(self.ideal.surroundings, TRUTH_GRID, GRID)

    @property
    def flux(self) -> DoubleWindows:
        """Star and surroundings without noise, continuum at one, shape (n, 140)."""
        return sample(self.ideal.flux, TRUTH_GRID, GRID)

    def truth(self) -> pa.Table:
        """Tabulate what is true of them (:func:`~vo_emline.simulate.truth.tabulate`)."""
        return tabulate(self.stars, self.exposures, self.ideal, survey="lamost", seed=self.seed, pixel=PIXEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Injections:
    """Windows with emission put in, and what is true of it. Row *i* of every member is one spectrum."""

    windows: WindowSet
    """As the network gets them; their identity is that of the host."""
    host: npt.NDArray[np.int64]
    """Row of the host among the windows that were offered, shape (n,)."""
    light: Light
    """What was put in."""
    truth: pa.Table
    """The columns of :func:`~vo_emline.simulate.truth.truth_table`, where ``snr`` is that of the
    pixels beside Hα; in addition ``ew_error`` (Å), ``ew_significance`` (|EW|/σ(EW)),
    ``sticks_out`` (:func:`sticks_out`), ``one_shape`` (whether the line is single, or double, on any
    photosphere) and ``clear`` (the same, but P Cygni profiles are neither)."""

    def __len__(self) -> int:
        """Count the injections."""
        return len(self.host)


def draw_light(
    hosts: WindowSet,
    *,
    seed: int,
    fractions: Mapping[str, float],
    spread: FloatArray,
    significance: tuple[float, float],
    random: Random,
    noise: FloatArray | None = None,
) -> Light:
    """Draw an emitting star for each host and observe it as the host was.

    Parameters
    ----------
    hosts
        Windows, n of them.
    seed
        Of the stars.
    fractions
        Shares of the families of emission (:data:`~vo_emline.simulate.FAMILIES`).
    spread, significance, random, noise
        As for :func:`observe_hosts`.
    """
    stars = on_hosts(draw_stars(len(hosts), seed=seed, fractions=fractions), hosts)
    exposures = observe_hosts(
        stars, hosts, seed=seed, spread=spread, significance=significance, random=random, noise=noise
    )
    ideal = synthesise(stars, exposures, grid=TRUTH_GRID, seed=seed)
    return Light(stars=stars, exposures=exposures, ideal=ideal, seed=seed)


def inject_each(
    hosts: WindowSet,
    *,
    seed: int,
    fractions: Mapping[str, float],
    spread: FloatArray,
    significance: tuple[float, float],
    random: Random,
    options: PreprocessOptions,
) -> Injections:
    """Put simulated emission into each host.

    The line has the host's velocity, and brings photon noise: the noise of the
    host's continuum is taken to be that of the star's light alone, which is
    the most a line can bring. Its class follows from the rule of
    :func:`~vo_emline.simulate.truth.classify` on a photosphere of the host's
    temperature. In hosts of the first LAMOST releases strong lines lose their
    inverse variance, as real ones do.

    Parameters
    ----------
    hosts
        Windows that can be hosts (:func:`can_host`), n of them.
    seed, fractions, spread, significance, random
        As for :func:`draw_light`.
    options
        How the windows were prepared.
    """
    light = draw_light(
        hosts, seed=seed, fractions=fractions, spread=spread, significance=significance, random=random
    )
    truth = light.truth().append_column("sticks_out", pa.array(sticks_out(light.flux)))
    seen, weights = put_in(hosts, light.component, ew=np.array(truth["ew"]), random=random)
    windows = finish(seen, weights, identity=hosts.identity, options=options)
    return Injections(
        windows=dataclasses.replace(windows, indices=hosts.indices),
        host=np.arange(len(hosts)),
        light=light,
        truth=_complete(truth, measure_flux(seen, weights).ew_error),
    )


def inject(
    hosts: WindowSet,
    n: int,
    *,
    seed: int,
    options: PreprocessOptions | None = None,
    kinds: Sequence[str] = KINDS,
    significance: tuple[float, float] = SIGNIFICANCE,
) -> Injections:
    """Put simulated emission into `n` real spectra, with the line spread of a LAMOST fibre.

    Parameters
    ----------
    hosts
        Windows of survey spectra without emission; those that cannot be hosts
        (:func:`can_host`) are passed over.
    n
        How many injections; each host is used as often as any other but for one.
    seed
        The same seed gives the same injections.
    options
        How the windows were prepared; None for the defaults.
    kinds
        Families of emission (:data:`~vo_emline.simulate.FAMILIES`), in equal shares.
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
    rows = draw_rows(usable, n, random)
    injected = inject_each(
        hosts.take(rows),
        seed=seed,
        fractions=dict.fromkeys(kinds, 1.0),
        spread=line_spreads(len(hosts), random)[rows],
        significance=significance,
        random=random,
        options=options or PreprocessOptions(),
    )
    return dataclasses.replace(injected, host=rows)


def sticks_out(flux: DoubleWindows) -> BoolArray:
    """Tell noise-free lines that stick out of their surroundings from those that only fill the core.

    A line sticks out where its core lies above its shoulders
    (:func:`~vo_emline.measure.shape.local_excess`), or where there is more
    emission than absorption. Otherwise it only makes a photospheric line
    shallower, and who does not know how deep that was cannot see it.

    Parameters
    ----------
    flux
        Windows without noise, continuum at one, shape (n, 140).
    """
    lines = measure_flux(flux, None)
    return np.asarray((lines.excess > 0) | (lines.ew < 0))


def draw_rows(usable: npt.NDArray[np.int64], n: int, random: Random) -> npt.NDArray[np.int64]:
    """Draw `n` of these rows, each as often as any other but for one; none where there are none."""
    rounds = [random.permutation(usable) for _ in range(-(-n // usable.size))] if usable.size else []
    return np.concatenate([*rounds, np.empty(0, dtype=np.int64)])[:n]


def _complete(truth: pa.Table, ew_error: FloatArray) -> pa.Table:
    dip, alone = (np.array(truth[name]) for name in ("dip", "component_dip"))
    single = (dip < DIP * 2 / 3) & (alone < DIP)
    double = (dip > DIP * 4 / 3) & (alone > DIP)
    columns = {
        "ew_error": ew_error,
        "ew_significance": np.abs(np.array(truth["ew"])) / ew_error,
        "one_shape": single | double,
        # the trough of a wind makes two maxima, and nobody would call it a double peak
        "clear": (single | double) & (np.array(truth["family"].to_pylist()) != "p-cygni"),
    }
    for name, values in columns.items():
        truth = truth.append_column(name, pa.array(values))
    return truth
