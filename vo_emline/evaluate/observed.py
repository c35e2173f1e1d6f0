"""A second family of injections: observed profiles of emission lines, put into real survey spectra.

Injections that are simulated as the training set is flatter a network: it
knows their shapes. These share no formula and no code with them. The profiles
are those of real spectra with emission, cleaned of noise; stretched, moved
and scaled, they are added to real hosts with the photon noise they bring.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from vo_emline.arrays import BoolArray, Column, DoubleWindows, FloatArray, IntArray, Pixels
from vo_emline.errors import UserError
from vo_emline.evaluate.trial import in_bins
from vo_emline.evaluate.verdicts import Judge
from vo_emline.measure.matched import stands_out
from vo_emline.preprocess.continuum import fit_line
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import finish
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.spectra.medium import HALPHA_VAC, SPEED_OF_LIGHT_KMS
from vo_emline.training.metrics import proportion

LEAST_PEAK: Final = 12.0
"""A profile is taken from spectra in which it rises so many times the noise of a pixel."""

SMOOTHING: Final = 1.0
"""Profiles are smoothed by a Gaussian of this standard deviation, pixels, to clean them of noise."""

STRETCH: Final = (0.7, 1.5)
"""Range by which profiles are stretched in velocity, evenly in the logarithm."""

SHIFT_KMS: Final = 120.0
"""Profiles are moved by up to this velocity either way."""

PEAKS: Final = (2.0, 200.0)
"""Range of the height of a line over the noise of a pixel, evenly in the logarithm."""

MOST_HEIGHT: Final = 15.0
"""No line is made higher than this, in units of the continuum."""

SINGLE_DIP: Final = 0.05
DOUBLE_DIP: Final = 0.15
"""Share of its height to which a profile dips between its maxima: single up to the first, double from the
second; between them nobody can tell."""

CORES: Final = 3.0
"""The core of a host bites a dip into a line that is less than so many times as high as it is deep."""

REACH_KMS: Final = 4000.0
"""Profiles end at this velocity, and go to nothing over the last fifth of the way."""

_VELOCITY: Final[FloatArray] = np.asarray((GRID / HALPHA_VAC - 1.0) * SPEED_OF_LIGHT_KMS)
_STEP: Final = float(GRID[1] - GRID[0])
_BESIDE: Final[BoolArray] = np.asarray(GRID > HALPHA_VAC + 60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedProfiles:
    """Emission lines of m real spectra, free of noise."""

    height: FloatArray
    """Flux over the continuum, 1 at its highest, shape (m, 140)."""
    dip: Pixels
    """Depth of the dip between the two highest maxima over the height of the line, shape (m,); 0 for one."""
    source: tuple[str, ...]
    """Where they are from."""

    def __len__(self) -> int:
        """Count the profiles."""
        return len(self.height)

    def take(self, rows: npt.ArrayLike) -> ObservedProfiles:
        """Pick profiles by index."""
        index = np.asarray(rows, dtype=np.int64)
        return ObservedProfiles(
            height=self.height[index], dip=self.dip[index], source=tuple(self.source[i] for i in index)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedInjections:
    """Windows with observed emission put in, and what is true of it."""

    windows: WindowSet
    host: IntArray
    """Row of the host among the windows offered, shape (n,)."""
    truth: pa.Table
    """``profile`` (its source), ``ew`` (Å, negative), ``peak_over_noise`` (height over the noise of a
    pixel of the continuum), ``double`` and ``clear`` (whether single or double is beyond doubt: by the
    profile, and because it is :data:`CORES` times as high as the core of its host is deep)."""

    def __len__(self) -> int:
        """Count the injections."""
        return len(self.host)


def collect_profiles(windows: WindowSet) -> ObservedProfiles:
    """Take the profiles out of spectra with emission; those too noisy to be cleaned are left out.

    Parameters
    ----------
    windows
        Windows of spectra with emission at Hα.

    Raises
    ------
    UserError
        No profile is high enough above the noise.
    """
    relative = _relative(windows)
    noise = _pixel_noise(relative)
    smooth = gaussian_filter1d(relative, SMOOTHING, axis=1)
    line = np.where(smooth > 0, smooth, 0.0) * _taper()
    near = np.abs(_VELOCITY) < REACH_KMS / 2
    peak = line[:, near].max(axis=1)
    rows = np.flatnonzero(peak > LEAST_PEAK * noise)
    if not rows.size:
        raise UserError("none of the spectra with emission has a line high enough above its noise")
    height = np.stack([_connected(line[i] / peak[i], floor=2.0 * noise[i] / peak[i]) for i in rows])
    names = windows.identity["source"].to_pylist()
    return ObservedProfiles(
        height=height,
        dip=np.array([_dip(one) for one in height]),
        source=tuple(names[i] for i in rows),
    )


def inject_observed(
    hosts: WindowSet,
    profiles: ObservedProfiles,
    n: int,
    *,
    seed: int,
    options: PreprocessOptions | None = None,
) -> ObservedInjections:
    """Put observed profiles into real spectra.

    Parameters
    ----------
    hosts
        Windows of real spectra without emission; those without a positive continuum, and galaxies and
        quasars, are passed over.
    profiles
        The profiles.
    n
        How many injections.
    seed
        The same seed gives the same injections.
    options
        How the windows were prepared; None for the defaults.

    Raises
    ------
    UserError
        No window can be a host.
    """
    random = np.random.default_rng([seed, 41])
    noise_of = _pixel_noise(_relative(hosts))
    kind = np.array(hosts.identity["spectral_class"].to_pylist(), dtype=object)
    usable = np.flatnonzero(np.isfinite(noise_of) & (noise_of < 1 / 3) & ~np.isin(kind, ("GALAXY", "QSO")))
    if not usable.size:
        raise UserError("no spectrum has a positive continuum at Hα: there is nothing to put emission into")
    host, which = random.choice(usable, n), random.integers(len(profiles), size=n)
    noise = noise_of[host]
    strength = np.minimum(_evenly(PEAKS, n, random) * noise, MOST_HEIGHT)
    stretch = _evenly(STRETCH, n, random)
    velocity = random.uniform(-SHIFT_KMS, SHIFT_KMS, n)
    added = np.stack(
        [
            strength[i]
            * np.interp((_VELOCITY - velocity[i]) / stretch[i], _VELOCITY, profiles.height[which[i]])
            for i in range(n)
        ]
    )
    chosen = hosts.take(host)
    flux, ivar = _lit(chosen, added, noise, random)
    dip = profiles.dip[which]
    truth = pa.table(
        {
            "profile": [profiles.source[i] for i in which],
            "ew": -added.sum(axis=1) * _STEP,
            "peak_over_noise": strength / noise,
            "double": dip >= DOUBLE_DIP,
            "clear": ((dip >= DOUBLE_DIP) | (dip <= SINGLE_DIP)) & (strength > CORES * _core_depth(chosen)),
        }
    )
    windows = finish(flux, ivar, identity=chosen.identity, options=options or PreprocessOptions())
    return ObservedInjections(windows=_with_indices(windows, chosen), host=host, truth=truth)


def _evenly(between: tuple[float, float], n: int, random: np.random.Generator) -> Column:
    """Draw evenly in the logarithm, shape (n,)."""
    low, high = (math.log(limit) for limit in between)
    return np.asarray(np.exp(random.uniform(low, high, n)))


def _with_indices(windows: WindowSet, hosts: WindowSet) -> WindowSet:
    return WindowSet(
        flux=windows.flux,
        ivar=windows.ivar,
        continuum=windows.continuum,
        identity=windows.identity,
        indices=hosts.indices,
    )


def _lit(
    hosts: WindowSet, added: FloatArray, noise: FloatArray, random: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Add light over the continuum and its photon noise; give flux and inverse variance without scaling."""
    offset, scale = (hosts.continuum[:, column, None].astype(np.float64) for column in (0, 1))
    flux = hosts.flux * scale + offset
    ivar = hosts.ivar / np.square(scale)
    level = fit_line(flux)
    variance = np.square(noise[:, None] * level) * added
    seen = flux + level * added + np.sqrt(variance) * random.standard_normal(flux.shape)
    known = ivar > 0
    return seen, np.where(known, 1.0 / (1.0 / np.where(known, ivar, 1.0) + variance), 0.0)


def _relative(windows: WindowSet) -> DoubleWindows:
    """Flux over the straight continuum less one, shape (n, 140); NaN without a positive continuum."""
    offset, scale = (windows.continuum[:, column, None].astype(np.float64) for column in (0, 1))
    flux = windows.flux * scale + offset
    level = fit_line(flux)
    usable = level.min(axis=1, keepdims=True) > 0
    return np.where(usable, flux / np.where(usable, level, 1.0) - 1.0, np.nan)


def _pixel_noise(relative: FloatArray) -> Column:
    """Noise of a pixel redward of the line, from the differences of neighbours, shape (n,)."""
    steps = np.abs(np.diff(relative[:, _BESIDE], axis=1))
    return np.asarray(np.maximum(1.4826 * np.median(steps, axis=1) / np.sqrt(2.0), 1e-5))


def _core_depth(hosts: WindowSet) -> Column:
    """Depth of the absorption of each host at Hα below its continuum, shape (n,)."""
    near = np.abs(_VELOCITY) < 500.0
    return np.asarray(np.maximum(-_relative(hosts)[:, near].min(axis=1), 0.0))


def _taper() -> FloatArray:
    return np.asarray(np.clip((REACH_KMS - np.abs(_VELOCITY)) / (0.2 * REACH_KMS), 0.0, 1.0))


def _connected(line: FloatArray, *, floor: float) -> FloatArray:
    """Keep what hangs together with the highest pixel above the noise, with feet that fall to nothing."""
    top = int(np.argmax(np.where(np.abs(_VELOCITY) < REACH_KMS / 2, line, 0.0)))
    above = line > max(floor, 0.01)
    left, right = top, top
    while left > 0 and above[left - 1]:
        left -= 1
    while right < line.size - 1 and above[right + 1]:
        right += 1
    inside = np.zeros(line.size)
    inside[left : right + 1] = 1.0
    return np.asarray(line * np.clip(gaussian_filter1d(inside, 1.0), 0.0, 1.0))


def _dip(height: FloatArray) -> float:
    """Give the depth of the dip between the two highest maxima over the height of the line."""
    found = find_peaks(height, height=0.2)[0]
    if found.size < 2:
        return 0.0
    first, second = np.sort(found[np.argsort(height[found])[-2:]])
    return float(min(height[first], height[second]) - height[first:second].min())


PEAK_EDGES: Final = (3.0, 5.0, 10.0, 20.0, 50.0)
"""Edges of the bins of the height of a line over the noise of a pixel."""

EW_EDGES: Final = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Edges of the bins of |EW|, Å."""

HIGH: Final = 10.0
"""Lines over this many times the noise of a pixel should not be missed."""


def measure_observed(
    judge: Judge,
    emission: WindowSet,
    hosts: WindowSet,
    *,
    n: int,
    seed: int,
    options: PreprocessOptions,
    unchecked: Judge | None = None,
) -> dict[str, Any]:
    """Measure a judge on real spectra with emission, and on their profiles put into real hosts.

    Parameters
    ----------
    judge
        What is measured.
    emission
        Windows of real spectra with emission.
    hosts
        Windows of real spectra without.
    n
        Injections.
    seed
        Decides which.
    options
        How the windows were prepared.
    unchecked
        The same judge without the check for lines that anyone can see; None for one that has none.

    Returns
    -------
    dict
        JSON-ready, by the plain label: ``found`` of the spectra themselves, ``found_unchecked`` by the judge
        without the check, ``missed`` (their names),
        ``profiles`` (how many of them gave one), and of the injections ``by_peak`` and ``by_ew``, those
        over :data:`HIGH` times the noise (``high``) and among them those that rise above the continuum
        beyond doubt (``high_standing_out``), ``doubles_called_double`` and ``singles_called_double`` of the
        latter.
    """
    itself = judge(emission)
    profiles = collect_profiles(emission)
    put_in = inject_observed(hosts, profiles, n, seed=seed, options=options)
    found = judge(put_in.windows)
    peak, ew = put_in.truth["peak_over_noise"].to_numpy(), -put_in.truth["ew"].to_numpy()
    double, clear = (np.array(put_in.truth[name]) for name in ("double", "clear"))
    positive, high = found.positive(), peak > HIGH
    plain = high & stands_out(put_in.windows)
    names = emission.identity["source"].to_pylist()
    everyone = np.ones(len(emission), dtype=bool)
    return {
        "found": _share(itself.positive(), everyone),
        "found_unchecked": _share((unchecked or judge)(emission).positive(), everyone),
        "missed": [Path(names[row]).name for row in np.flatnonzero(~itself.positive())],
        "profiles": len(profiles),
        "injections": n,
        "by_peak": in_bins(peak, positive, edges=PEAK_EDGES),
        "by_ew": in_bins(ew, positive, edges=EW_EDGES),
        "high": _share(positive, high),
        "high_standing_out": _share(positive, plain),
        "doubles_called_double": _share(found.double, plain & positive & clear & double),
        "singles_called_double": _share(found.double, plain & positive & clear & ~double),
    }


def _share(success: BoolArray, among: BoolArray) -> dict[str, Any]:
    return proportion(int(success[among].sum()), int(among.sum()))
