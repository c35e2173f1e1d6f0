"""Lines whose equivalent width, width, velocity and peaks are known, and how well they are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from vo_emline.arrays import Column, FloatArray
from vo_emline.labels import ABSORPTION
from vo_emline.measure.lines import measure_lines
from vo_emline.measure.quantities import QUANTITIES, Estimates, measure_emission, true_values
from vo_emline.measure.scores import crps, probability_integral, standardised, weighted_crps
from vo_emline.preprocess.continuum import fit_line
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.prepare import finish
from vo_emline.preprocess.resample import resample
from vo_emline.preprocess.windows import GRID, WINDOW_VAC, WindowSet
from vo_emline.simulate import simulate_windows
from vo_emline.simulate.hosts import can_host, line_spreads, relative_noise
from vo_emline.simulate.injection import KINDS, draw_light
from vo_emline.simulate.instruments import draw_sky_share, lamost_pixels
from vo_emline.simulate.population import Random
from vo_emline.survey import SurveyOptions
from vo_emline.survey.scores import regression_of
from vo_emline.training import Classifier
from vo_emline.training.metrics import proportion
from vo_emline.training.regression import LineRegression
from vo_emline.training.regression.fit import POPULATION

LEAST_SNR: Final = 30.0
"""S/N per pixel of spectra that serve as hosts: their own noise is part of the truth."""

LOSS: Final = 3.0
"""A host's S/N is at least so many times that of the spectrum made from it."""

FAINTEST: Final = 7.0
"""Least S/N per pixel of spectra made from hosts."""

LEAST_HOSTS: Final = 10

SIGNIFICANCE: Final = (5.0, 300.0)
"""Range of |EW|/σ(EW) of what is put in, drawn evenly in its logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTrial:
    """Spectra with lines, n of them."""

    windows: WindowSet
    truth: FloatArray
    """Values of the :data:`~vo_emline.measure.quantities.QUANTITIES`, shape (n, 5); NaN where a line has
    none."""
    snr: Column
    """S/N per pixel beside Hα, shape (n,)."""

    def __len__(self) -> int:
        """Count the spectra."""
        return len(self.snr)

    def found_by(self, label: npt.NDArray[np.integer]) -> LineTrial:
        """Keep what a classifier calls emission, as only candidates are measured.

        Parameters
        ----------
        label
            Index of the class that it gives each window, shape (n,).
        """
        rows = np.flatnonzero(label != ABSORPTION)
        return LineTrial(windows=self.windows.take(rows), truth=self.truth[rows], snr=self.snr[rows])


def real_lines(
    hosts: WindowSet, n: int, *, seed: int, options: PreprocessOptions | None = None
) -> LineTrial | None:
    """Put lines into real spectra of high S/N, and noise on top.

    The truth is measured on the host with the line, before noise is added; so
    it holds whatever the real star, its instrument and its continuum do to a
    line, and a third of the noise at most.

    Parameters
    ----------
    hosts
        Windows of survey spectra without emission.
    n
        How many; each host is used as often as any other but for one.
    seed
        The same seed gives the same lines.
    options
        How the windows were prepared; None for the defaults.

    Returns
    -------
    LineTrial or None
        None where fewer than :data:`LEAST_HOSTS` spectra can be hosts.
    """
    good = np.flatnonzero(can_host(hosts) & (relative_noise(hosts) * LEAST_SNR <= 1.0))
    if good.size < LEAST_HOSTS:
        return None
    random = np.random.default_rng([seed, 31])
    chosen = hosts.take(np.resize(random.permutation(good), n))
    best = 1.0 / (LOSS * relative_noise(chosen))
    snr = FAINTEST * np.power(np.maximum(best / FAINTEST, 1.0), random.uniform(size=n))
    flux, _ = chosen.unscaled()
    level = fit_line(flux)
    light = draw_light(
        chosen,
        seed=seed,
        fractions=dict.fromkeys(KINDS, 1.0),
        spread=line_spreads(n, random),
        significance=SIGNIFICANCE,
        random=random,
        noise=1.0 / snr,  # as significant as wanted in the noise that will be added, not in that of the host
    )
    clean = np.maximum(flux / level + light.component, 0.0)
    sky = draw_sky_share(snr, random)[:, None]
    sigma = np.sqrt((np.maximum(clean, 0.02) + sky) / (1.0 + sky)) / snr[:, None]
    seen = level * (clean + sigma * _pixel_noise(n, random))
    windows = finish(
        seen,
        np.square(1.0 / (level * sigma)),
        identity=chosen.identity,
        options=options or PreprocessOptions(),
    )
    return LineTrial(windows=windows, truth=true_values(clean), snr=snr)


def _pixel_noise(n: int, random: Random) -> FloatArray:
    """Draw noise of unit variance on LAMOST's pixels and bring it to the window's, as that of real ones."""
    pixels = lamost_pixels(WINDOW_VAC[0] - 4.0, WINDOW_VAC[1] + 4.0)
    white = random.standard_normal((n, pixels.size))
    noise, _ = resample(white, np.zeros_like(white), wavelength_vac=pixels, grid=GRID)
    return noise


def simulated_lines(n: int, *, seed: int, options: PreprocessOptions | None = None) -> LineTrial:
    """Simulate spectra of `n` stars like those that the regression learns from, of another seed."""
    simulated = simulate_windows(n, seed=seed, fractions=POPULATION)
    return LineTrial(
        windows=simulated.prepare(options),
        truth=true_values(simulated.clean.astype(np.float64)),
        snr=np.array(simulated.truth["snr"]),
    )


LEVELS: Final = {"68": 1.0, "95": 1.96}
"""Intervals whose coverage is looked at: their half widths in standard deviations of a Gaussian."""

OUTLIER: Final = 5.0
"""Deviations beyond so many of their errors are outliers."""

SNR_EDGES: Final = (0.0, 10.0, 20.0, 40.0, 80.0, np.inf)

PIT_BINS: Final = 20

LEAST: Final = 10
"""Of fewer lines nothing is said."""


def line_quality(trial: LineTrial, measured: Mapping[str, Estimates]) -> dict[str, Any]:
    """Compare measurements with the truth.

    Parameters
    ----------
    trial
        Lines, n of them.
    measured
        By the name of the method, measurements of all of them.

    Returns
    -------
    dict
        JSON-ready: ``lines``, and by quantity ``measurable`` (share of the lines that have it in which it
        was measured), ``methods`` (:func:`describe` by method), ``by_snr`` (the same in bins), and
        ``better``, the method with the smaller CRPS in units of the first one's error. All methods are
        compared on the same lines: those that have the quantity and in which each method measured it.
    """
    return {
        "lines": len(trial),
        "quantities": {
            quantity.name: _of_quantity(trial, measured, column) for column, quantity in enumerate(QUANTITIES)
        },
    }


def _of_quantity(trial: LineTrial, measured: Mapping[str, Estimates], column: int) -> dict[str, Any]:
    truth = trial.truth[:, column]
    exists = np.isfinite(truth)
    both = exists & np.all([np.isfinite(one.value[:, column]) for one in measured.values()], axis=0)

    reference = next(iter(measured.values())).error[both, column]

    def score(name: str) -> float:
        value, error = measured[name].value[both, column], measured[name].error[both, column]
        return weighted_crps(truth[both], value, error, reference=reference)

    def methods(rows: npt.NDArray[np.bool_]) -> dict[str, Any]:
        return {
            name: describe(truth[rows], one.value[rows, column], one.error[rows, column])
            for name, one in measured.items()
        }

    enough = int(both.sum()) >= LEAST
    overall = methods(both) if enough else {}
    return {
        "measurable": proportion(int(both.sum()), int(exists.sum())),
        "methods": overall,
        "better": min(measured, key=score) if enough else None,
        "by_snr": [
            {"low": low, "high": high if np.isfinite(high) else None, "methods": methods(rows)}
            for low, high in pairwise(SNR_EDGES)
            if (rows := both & (trial.snr >= low) & (trial.snr < high)).sum() >= LEAST
        ],
    }


def describe(truth: FloatArray, value: FloatArray, error: FloatArray) -> dict[str, Any]:
    """Describe measurements of known values.

    Returns
    -------
    dict
        ``n``; ``bias`` (median deviation) and ``scatter`` (1.48 times the median absolute deviation from
        it) in the unit of the quantity, as ``error`` (median stated error) and ``crps`` (mean) are;
        ``outliers``, ``coverage`` of the :data:`LEVELS` as proportions with exact intervals; ``pit``,
        counts of the probability integral transform in :data:`PIT_BINS` bins.
    """
    deviation = value - truth
    bias = float(np.median(deviation))
    z = np.abs(standardised(truth, value, error))
    pit, _ = np.histogram(probability_integral(truth, value, error), bins=PIT_BINS, range=(0.0, 1.0))
    return {
        "n": len(truth),
        "bias": bias,
        "scatter": float(1.4826 * np.median(np.abs(deviation - bias))),
        "error": float(np.median(error)),
        "crps": float(crps(truth, value, error).mean()),
        "outliers": proportion(int((z > OUTLIER).sum()), len(z)),
        "coverage": {level: proportion(int((z <= width).sum()), len(z)) for level, width in LEVELS.items()},
        "pit": pit.tolist(),
    }


REAL: Final = "put into real spectra"
SIMULATED: Final = "simulated"

LEAST_FOUND: Final = 20
"""Of fewer lines nothing is said."""


def evaluate_lines(
    classifier: Classifier, negatives: WindowSet, *, seed: int, lines: int
) -> dict[str, Any] | None:
    """Measure known lines classically and, where the model can, with its network.

    Only lines that the network calls emission are measured, as in a survey.

    Parameters
    ----------
    classifier
        The network.
    negatives
        Real spectra without emission; the better ones are hosts.
    seed
        Decides what is put into them. Simulated spectra are not those that the regression learnt from.
    lines
        How many are put in, and how many stars are simulated.

    Returns
    -------
    dict or None
        JSON-ready: ``methods``, the published method of each quantity, and ``trials``, by kind of the lines
        what :func:`~vo_emline.evaluate.lines.line_quality` gives; None where too few lines are found.
    """
    regression = regression_of(classifier)
    preprocess = classifier.description.preprocess
    drawn = {
        REAL: real_lines(negatives, lines, seed=seed, options=preprocess),
        SIMULATED: simulated_lines(lines, seed=seed + 1_000_003, options=preprocess),
    }
    trials: dict[str, Any] = {}
    for name, trial in drawn.items():
        found = None if trial is None else _found(classifier, trial)
        if found is not None and len(found) >= LEAST_FOUND:
            trials[name] = line_quality(found, _measured(found.windows, regression))
    methods = None if regression is None else regression.description.methods
    return {"methods": methods, "trials": trials} if trials else None


def _measured(windows: WindowSet, regression: LineRegression | None) -> Mapping[str, Estimates]:
    if regression is None:
        return {"classical": measure_emission(windows)}
    return {str(method): found for method, found in regression.measure_both(measure_lines(windows)).items()}


def _found(classifier: Classifier, trial: LineTrial) -> LineTrial:
    shares = SurveyOptions().class_shares
    probability = classifier.predict_proba(trial.windows.flux, shares=shares)
    return trial.found_by(np.argmax(probability, axis=1))
