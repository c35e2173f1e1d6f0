"""The Hα absorption that a star should have, from the rest of its spectrum.

A third of all emission only fills the photospheric core, and nothing in the
window says how deep that core should have been. The other Balmer lines and
the metal lines do. A Gaussian process (Rasmussen & Williams 2006, *Gaussian
Processes for Machine Learning*, section 2.2) learns it from survey spectra
without labels, of which more than 99 % have no emission; those that stand out
are left out. It gives a standard deviation with every expectation: large for
stars unlike those it has seen, for which it then says nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve, eigh
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from vo_emline.arrays import BoolArray, Column, FloatArray, Pixels, SingleArray, Windows
from vo_emline.errors import UserError
from vo_emline.preprocess.continuum import fit_line
from vo_emline.preprocess.indices import STELLAR_REDSHIFT
from vo_emline.preprocess.windows import GRID, WindowSet
from vo_emline.spectra import HALPHA_VAC
from vo_emline.training.neighbours import Hidden, fit_hidden, nearest

HALF_WIDTHS: Final = (5.0, 10.0)
"""The equivalent width is expected within these distances of Hα, Å: the core, and the line."""

MOST_POINTS: Final = 600
"""Spectra that the process remembers, at most."""

LEAST_POINTS: Final = 40
"""From fewer spectra nothing is learnt."""

LEAST_SNR: Final = 10.0
"""Spectra with less S/N per pixel teach nothing."""

OUTLIER: Final = 4.0
"""Spectra further than this many standard deviations from what the others say are left out."""

ROUNDS: Final = 3

LEAST_KNOWN: Final = 0.7
"""Nothing is expected of spectra with a smaller share of their indices."""

FAMILIAR: Final = 0.5
"""Nothing is expected where the standard deviation, the star's own scatter aside, exceeds this share of
that of all stars together."""

NEAR_NOISE: Final = 2.0
"""Directions among the learnt spectra that vary by less than so many times their own scatter² are not told
apart: the variance gets from them what the strongest would give, so that it is never too small."""

HIDDEN: Final = 1 / 3
"""Where a greater share of the variance is there because no learnt spectrum is near …"""

LARGEST_HIDDEN: Final = 2.5
"""… absorption that is missing counts no further than this many standard deviations: what lies beyond, the
few spectra that lie so far from all others cannot tell. More than none cannot be missing …"""

BELOW: Final = 2.0
"""… so this is for lines whose equivalent width is above zero, or below by no more than so many errors."""

_BLOCK: Final = 192
"""Spectra predicted at a time, so that they stay in the cache of the processor. Blocks are filled up to it: a
spectrum gets the same bits in any company, as matrix products of one shape give them whose sides are
multiples of all that processors take at once."""

_EVEN: Final = 64
"""What the other sides of these products are filled up to a multiple of."""

_STEP: Final = float(GRID[1] - GRID[0])
_SIDES: Final = np.abs(GRID - HALPHA_VAC) > 20.0
_REACH: Final = max(HALF_WIDTHS) + STELLAR_REDSHIFT * HALPHA_VAC + _STEP
_NEAR: Final = slice(*np.searchsorted(GRID, (HALPHA_VAC - _REACH, HALPHA_VAC + _REACH)).tolist())
"""Pixels that the line of a star can reach, however fast it moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Equivalent widths around Hα as they are, for n windows."""

    ew: FloatArray
    """Within each of :data:`HALF_WIDTHS`, Å, emission negative, shape (n, 2)."""
    error: FloatArray
    """Standard deviation from the noise of the pixels, Å, shape (n, 2)."""
    noise: Column
    """Noise of a pixel of the continuum over the continuum, shape (n,); infinite without a continuum."""


class Told(NamedTuple):
    """What is expected of n spectra, within each of :data:`HALF_WIDTHS`; NaN where nothing is."""

    ew: FloatArray
    """Equivalent width, Å, shape (n, 2)."""
    sigma: FloatArray
    """Its standard deviation, Å, shape (n, 2)."""
    hidden: FloatArray
    """Share of the variance that is there because no learnt spectrum is near
    (:class:`~vo_emline.training.neighbours.Hidden`), shape (n, 2)."""

    def of(self, rows: npt.NDArray[np.int64]) -> Told:
        """Give some of them."""
        return Told(*(one[rows] for one in self))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Factor:
    """What of m learnt spectra predictions are made, by their likeness to a star.

    The variance of a prediction needs the inverse of their covariance, m² products for each star. Of its
    eigenvectors those few that stand out of the noise do nearly all: the others, a multiple of the unit
    matrix but for a factor of :data:`NEAR_NOISE`, need no more than the length of what is left.
    """

    seen: FloatArray
    """What each spectrum adds to the mean, to the slope (its own place aside, k) and along the strongest
    eigenvectors (r), then zeros, shape (m, p)."""
    inverse: Pixels
    """One over the eigenvalues of these, Å⁻², shape (r,)."""
    least: float
    """The greatest of the other eigenvalues, Å²."""
    hidden: Hidden
    """What the process does not tell of stars away from those learnt from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAbsorption:
    """What was learnt: m spectra and how alike others must be to them."""

    centre: Pixels
    """Mean of each index, shape (k,)."""
    spread: Pixels
    """Standard deviation of each index, shape (k,)."""
    points: FloatArray
    """Indices of the spectra in units of the spread, shape (m, k)."""
    ew: FloatArray
    """Their equivalent widths within :data:`HALF_WIDTHS`, Å, shape (m, 2)."""
    variance: FloatArray
    """Variance of these from the noise, Å², shape (m, 2)."""
    hyper: FloatArray
    """Per half width: mean (Å), amplitude² (Å²), length scale, own scatter² (Å²); shape (2, 4)."""
    _factor: list[_Factor] = field(init=False, repr=False, compare=False)
    """What every prediction needs, per half width."""

    def __post_init__(self) -> None:
        """Factorise once what every prediction needs."""
        with _one_thread():
            factor = [self._factorise(column) for column in range(len(HALF_WIDTHS))]
        object.__setattr__(self, "_factor", factor)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.ArrayLike]) -> Self:
        """Make it of what :meth:`arrays` gave."""
        kept = [one.name for one in fields(cls) if one.init]
        return cls(**{name: np.asarray(arrays[name], dtype=np.float64) for name in kept})

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Give all there is to keep, single precision."""
        return {one.name: getattr(self, one.name).astype(np.float32) for one in fields(self) if one.init}

    def predict(self, indices: npt.NDArray[Any]) -> Told:
        """Give the equivalent widths that Hα should have without emission.

        Parameters
        ----------
        indices
            Spectral indices and their standard deviations, shape (n, 2, k), NaN where unknown.

        Returns
        -------
        Told
            Of n spectra; NaN where too little is known of the star, or where it is like none that was learnt
            from.
        """
        found = [(np.empty((0, len(HALF_WIDTHS))),) * 3]
        with _one_thread():
            found += [self._block(indices[at : at + _BLOCK]) for at in range(0, len(indices), _BLOCK)]
        return Told(*(np.concatenate(one) for one in zip(*found, strict=True)))

    def _block(self, indices: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Predict a few spectra, as :meth:`predict`."""
        n = len(indices)
        filling = np.full((_BLOCK - n, *indices.shape[1:]), np.nan, dtype=indices.dtype)
        place, error, known = self._place(np.concatenate([indices, filling]))
        square = _squares(place, _even(self.points.T).T)[:, : len(self.points)]
        found = [self._predict(column, place, error, square) for column in range(len(HALF_WIDTHS))]
        mean, sigma, familiar, hidden = (np.stack(one, axis=1) for one in zip(*found, strict=True))
        told = (known & familiar.all(axis=1))[:, None]
        mean, sigma, hidden = (np.where(told, one, np.nan)[:n] for one in (mean, sigma, hidden))
        return mean, sigma, hidden

    def left_out(self) -> Told:
        """Predict every learnt spectrum from the others, as :meth:`predict`.

        Leave-one-out predictions of Rasmussen & Williams (2006), equations 5.10 to 5.12.
        """
        mean, variance, hidden = (np.empty_like(self.ew) for _ in Told._fields)
        to_nearest = nearest(self.points)
        for column in range(len(HALF_WIDTHS)):
            strength, axes = eigh(self._covariance(column))
            mean[:, column], whole = self._leave_out(column, strength, axes)
            hidden[:, column] = self._factor[column].hidden(to_nearest)
            # the variance of the measurement itself is counted by whoever compares
            own = np.maximum(whole - self.variance[:, column], self.hyper[column, 3])
            variance[:, column] = own + hidden[:, column]
        return Told(mean, np.sqrt(variance), hidden / variance)

    def _leave_out(self, column: int, strength: Pixels, axes: FloatArray) -> tuple[Column, Column]:
        """Predict every learnt spectrum from the others: mean (Å) and variance, its noise too (Å²).

        From the eigenvalues and eigenvectors of the covariance.
        """
        own = np.square(axes) @ (1.0 / strength)
        weight = axes @ ((axes.T @ (self.ew[:, column] - self.hyper[column, 0])) / strength)
        return self.ew[:, column] - weight / own, 1.0 / own

    def _place(self, indices: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Bring indices and errors to units of the spread; what is unknown may be anything usual."""
        value, error = (indices[:, which].astype(np.float64) for which in (0, 1))
        unknown = ~np.isfinite(value) | ~np.isfinite(error)
        place = np.where(unknown, 0.0, (np.where(unknown, 0.0, value) - self.centre) / self.spread)
        scatter = np.where(unknown, 1.0, np.where(unknown, 0.0, error) / self.spread)
        return place, scatter, (~unknown).mean(axis=1) >= LEAST_KNOWN

    def _predict(
        self, column: int, place: FloatArray, error: FloatArray, square: FloatArray
    ) -> tuple[FloatArray, FloatArray, BoolArray, FloatArray]:
        mean, amplitude, length, scatter = self.hyper[column]
        factor, k = self._factor[column], self.points.shape[1]
        near = _kernel(square, amplitude, length)
        seen = near @ factor.seen
        along = np.square(seen[:, 1 + k : 1 + k + factor.inverse.size])
        beyond = np.maximum(np.square(near).sum(axis=1) - along.sum(axis=1), 0.0)
        along *= (
            factor.inverse
        )  # summed row by row: a product with a vector gives other bits in other company
        latent = amplitude - along.sum(axis=1) - beyond / factor.least
        slope = (seen[:, 1 : 1 + k] - seen[:, :1] * place) / length**2
        blurred = np.square(slope * error).sum(axis=1)
        latent = np.maximum(latent, 0.0) + blurred
        # noise takes a star away from the others, too, and is counted already
        hidden = factor.hidden(square.min(axis=1) - np.square(error).sum(axis=1))
        variance = latent + scatter + hidden
        return mean + seen[:, 0], np.sqrt(variance), latent < FAMILIAR**2 * amplitude, hidden / variance

    def _factorise(self, column: int) -> _Factor:
        mean, _, _, scatter = self.hyper[column]
        covariance = self._covariance(column)
        strength, axes = (values[..., ::-1] for values in eigh(covariance))
        told, variance = self._leave_out(column, strength, axes)
        weight = cho_solve(cho_factor(covariance), self.ew[:, column] - mean)
        kept = int(np.sum(strength > NEAR_NOISE * scatter))
        pulled = np.column_stack([weight, weight[:, None] * self.points])
        return _Factor(
            seen=_even(np.column_stack([pulled, axes[:, :kept]])),
            inverse=1.0 / strength[:kept],
            least=float(strength[min(kept, len(strength) - 1)]),
            hidden=fit_hidden(self.ew[:, column] - told, variance, nearest(self.points)),
        )

    def _covariance(self, column: int) -> FloatArray:
        _, amplitude, length, scatter = self.hyper[column]
        among = _kernel(cdist(self.points, self.points, "sqeuclidean"), amplitude, length)
        return np.asarray(among + np.diag(self.variance[:, column] + scatter))


def observe(windows: WindowSet) -> Observed:
    """Measure the equivalent widths within :data:`HALF_WIDTHS` of Hα, and their noise.

    The noise is that of the pixels beside the line about the straight
    continuum, less the slow undulations: half the squared difference of
    neighbours, robust.
    """
    centre = HALPHA_VAC * (1.0 + stellar_redshifts(windows))
    found = [(np.empty((0, len(HALF_WIDTHS))), np.empty(0))]
    for first in range(0, len(windows), _BLOCK):
        rows = slice(first, first + _BLOCK)
        found.append(_observe(windows.flux[rows], windows.continuum[rows], centre[rows]))
    ew, noise = (np.concatenate(one) for one in zip(*found, strict=True))
    error = np.outer(noise, np.sqrt(2.0 * np.array(HALF_WIDTHS) * _STEP))
    return Observed(ew=ew, error=error, noise=noise)


def _observe(scaled: Windows, continuum: SingleArray, centre: Column) -> tuple[FloatArray, Column]:
    """Measure a few windows, which stay in the cache: equivalent widths, Å, and noise of their pixels."""
    offset, scale = (continuum[:, which, None].astype(np.float64) for which in (0, 1))
    flux = scaled * scale + offset
    level = fit_line(flux)
    relative = flux / np.where(level > 0, level, np.nan)
    steps = np.abs(np.diff(relative, axis=1))[:, _SIDES[1:] & _SIDES[:-1]]
    noise = 1.4826 * np.median(np.nan_to_num(steps, nan=np.inf), axis=1) / np.sqrt(2.0)
    near = 1.0 - relative[:, _NEAR]
    ew = [_integral(near, centre - half, centre + half) for half in HALF_WIDTHS]
    return np.stack(ew, axis=1), noise


def _integral(values: FloatArray, start: Column, end: Column) -> Column:
    """Integrate pixels :data:`_NEAR` from `start` to `end`, Å; pixels count by their share within."""
    edges = GRID[_NEAR] - _STEP / 2, GRID[_NEAR] + _STEP / 2
    share = np.minimum(edges[1], end[:, None]) - np.maximum(edges[0], start[:, None])
    return np.asarray((values * share.clip(0.0, _STEP)).sum(axis=1))


def excess(told: Told, observed: Observed) -> FloatArray:
    """Tell by how many standard deviations a line exceeds the absorption expected.

    Parameters
    ----------
    told
        What is expected of n spectra.
    observed
        What there is.

    Returns
    -------
    numpy.ndarray
        Excess within each of :data:`HALF_WIDTHS`, positive for emission, shape (n, 2); NaN where unknown.
        Where much is hidden (:data:`HIDDEN`) it is :data:`LARGEST_HIDDEN` at most.
    """
    found = (told.ew - observed.ew) / np.hypot(told.sigma, observed.error)
    missing = (told.hidden > HIDDEN) & (observed.ew > -BELOW * observed.error)
    return np.asarray(np.where(missing, np.minimum(found, LARGEST_HIDDEN), found))


def learn(windows: WindowSet, *, seed: int) -> tuple[ExpectedAbsorption, npt.NDArray[np.int64]] | None:
    """Learn from survey spectra how deep Hα is.

    Parameters
    ----------
    windows
        Windows of survey spectra with their indices, without those of stars known to emit.
    seed
        Decides which spectra are remembered where there are more than :data:`MOST_POINTS`.

    Returns
    -------
    tuple or None
        What was learnt, and the rows of the spectra that are remembered; None where fewer than
        :data:`LEAST_POINTS` spectra are good enough.
    """
    if windows.indices is None:
        return None
    observed = observe(windows)
    indices = windows.indices
    rows = np.flatnonzero(_teaches(windows, observed) & np.isfinite(indices).all(axis=(1, 2)))
    if rows.size < LEAST_POINTS:
        return None
    rows = _select(indices[rows, 0], rows, seed=seed)
    found = _fit(indices[rows], observed, rows)
    for _ in range(ROUNDS):
        told = found.left_out()
        far = np.abs(told.ew - observed.ew[rows]) / np.hypot(told.sigma, observed.error[rows])
        kept = (far < OUTLIER).all(axis=1)
        if kept.all() or kept.sum() < LEAST_POINTS:
            break
        rows = rows[kept]
        found = _fit(indices[rows], observed, rows)
    return found, rows


def _teaches(windows: WindowSet, observed: Observed) -> BoolArray:
    good = observed.noise < 1.0 / LEAST_SNR
    return np.asarray(good & np.isfinite(observed.ew).all(axis=1) & stellar(windows))


def stellar_redshifts(windows: WindowSet) -> Column:
    """Give the redshift of each star as the survey states it, shape (n,); 0 where it is no star's."""
    stated = np.array(windows.identity["redshift"].to_pylist(), dtype=np.float64)
    return np.where(np.abs(stated) < STELLAR_REDSHIFT, stated, 0.0)


def stellar(windows: WindowSet) -> BoolArray:
    """Tell the windows that the survey's pipeline does not call a galaxy or quasar, shape (n,)."""
    kind = np.array(windows.identity["spectral_class"].to_pylist(), dtype=object)
    return ~np.isin(kind, ("GALAXY", "QSO"))


def _select(
    indices: npt.NDArray[np.floating], rows: npt.NDArray[np.int64], *, seed: int
) -> npt.NDArray[np.int64]:
    """Choose spectra that cover all kinds of stars, rare ones too (k-means++ seeding)."""
    if rows.size <= MOST_POINTS:
        return rows
    from sklearn.cluster import kmeans_plusplus

    scaled = (indices - indices.mean(axis=0)) / indices.std(axis=0)
    chosen = kmeans_plusplus(scaled.astype(np.float64), MOST_POINTS, random_state=seed)[1]
    return np.sort(rows[np.unique(chosen)])


def _fit(indices: npt.NDArray[Any], observed: Observed, rows: npt.NDArray[np.int64]) -> ExpectedAbsorption:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    values = indices[:, 0].astype(np.float64)
    centre, spread = values.mean(axis=0), values.std(axis=0)
    if not (spread > 0).all():
        raise UserError("the survey's spectra are all alike: nothing can be learnt about their stars")
    points, ew, variance = (values - centre) / spread, observed.ew[rows], np.square(observed.error[rows])
    hyper = []
    for column in range(len(HALF_WIDTHS)):
        mean = ew[:, column].mean()
        start = float(ew[:, column].var())
        kernel = ConstantKernel(start, (1e-2, 1e3)) * RBF(5.0, (0.5, 100.0)) + WhiteKernel(0.02, (1e-4, 1.0))
        process = GaussianProcessRegressor(kernel, alpha=variance[:, column])
        with warnings.catch_warnings():
            # a scatter or a length at its bound is an answer like any other
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = process.fit(points, ew[:, column] - mean).kernel_
        hyper.append((mean, fitted.k1.k1.constant_value, fitted.k1.k2.length_scale, fitted.k2.noise_level))
    return ExpectedAbsorption(
        centre=centre, spread=spread, points=points, ew=ew, variance=variance, hyper=np.array(hyper)
    )


def _one_thread() -> threadpool_limits:
    """Have linear algebra done by one thread: the same bits whatever cores there are, and none that wait."""
    return threadpool_limits(1, user_api="blas")


def _even(values: FloatArray) -> FloatArray:
    """Add columns of zeros up to a multiple of :data:`_EVEN`."""
    return np.pad(values, ((0, 0), (0, -values.shape[1] % _EVEN)))


def _squares(one: FloatArray, other: FloatArray) -> FloatArray:
    """Give the squared distances of points, shape (n, k) and (m, k) to (n, m)."""
    found = (-2.0 * one) @ other.T
    found += np.square(other).sum(axis=1)
    found += np.square(one).sum(axis=1)[:, None]
    return np.maximum(found, 0.0, out=found)


def _kernel(square: FloatArray, amplitude: float, length: float) -> FloatArray:
    """Give the covariance at squared distances."""
    near = square * (-0.5 / length**2)
    np.exp(near, out=near)
    near *= amplitude
    return near
