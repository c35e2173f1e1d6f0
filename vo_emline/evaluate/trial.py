"""The trial: all judges on the same spectra, and what is measured of each, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from vo_emline.arrays import BoolArray, FloatArray
from vo_emline.evaluate.data import spectral_types
from vo_emline.evaluate.reliability import reliability
from vo_emline.evaluate.verdicts import STRICT, Judge, Verdicts, outcome, rules
from vo_emline.labels import DOUBLE_PEAK, EMISSION, LABELS
from vo_emline.preprocess.options import PreprocessOptions
from vo_emline.preprocess.windows import WindowSet
from vo_emline.simulate.degrade import degrade
from vo_emline.simulate.injection import Injections, inject
from vo_emline.simulate.truth import VISIBLE
from vo_emline.survey.flags import signal_to_noise
from vo_emline.training.metrics import proportion


def in_bins(
    values: npt.NDArray[np.floating], success: npt.NDArray[np.bool_], *, edges: Sequence[float]
) -> list[dict[str, Any]]:
    """Give the share of successes in each bin of `values`, bins without any left out.

    Parameters
    ----------
    values
        The quantity, shape (n,); NaN is in no bin.
    success
        Shape (n,).
    edges
        Ascending; the first bin takes in what lies below it, the last what lies above.

    Returns
    -------
    list of dict
        ``low`` and ``high`` (None where open), and the keys of
        :func:`~vo_emline.training.metrics.proportion`.
    """
    limits = [-np.inf, *edges, np.inf]
    rows = []
    for low, high in pairwise(limits):
        inside = (values >= low) & (values < high)
        if inside.any():
            ends = {"low": low if np.isfinite(low) else None, "high": high if np.isfinite(high) else None}
            rows.append({**ends, **proportion(int(success[inside].sum()), int(inside.sum()))})
    return rows


def by_name(names: Sequence[str], success: npt.NDArray[np.bool_]) -> dict[str, dict[str, Any]]:
    """Give the share of successes for each name, in the order of the names."""
    array = np.array(names, dtype=object)
    return {
        name: proportion(int(success[array == name].sum()), int((array == name).sum()))
        for name in sorted(set(names))
    }


SNR_EDGES: Final = (5.0, 10.0, 20.0, 40.0, 80.0)
"""Edges of the bins of S/N per pixel in r."""


def false_positives(
    verdicts: Verdicts, negatives: WindowSet, *, thresholds: Mapping[str, float | None] | None = None
) -> dict[str, Any]:
    """Measure how many of real negatives are called positive.

    Parameters
    ----------
    verdicts
        On the negatives.
    negatives
        Windows of real spectra without emission.
    thresholds
        Threshold of each rule, None for the plain label; by default those that
        :func:`~vo_emline.evaluate.verdicts.rules` finds on these very spectra.

    Returns
    -------
    dict
        JSON-ready, by the name of the rule:
        ``threshold``; the keys of :func:`~vo_emline.evaluate.verdicts.outcome`;
        ``by_snr``, ``by_type`` and ``by_plate``, shares of those called positive
        without abstention, with exact binomial intervals (Clopper & Pearson 1934).
        Spectra without a stated or measurable S/N are in no bin of it.
    """
    snr, kinds = signal_to_noise(negatives), spectral_types(negatives)
    found = {}
    for name, threshold in (rules(verdicts) if thresholds is None else thresholds).items():
        certain = verdicts.positive(threshold) & ~verdicts.uncertain
        found[name] = {
            "threshold": threshold,
            **outcome(verdicts, threshold),
            "by_snr": in_bins(snr, certain, edges=SNR_EDGES),
            "by_type": by_name(kinds, certain),
            "by_plate": by_name(plates(negatives), certain),
        }
    return found


def plates(windows: WindowSet) -> list[str]:
    """Name the plate of each spectrum: night and plan; ``unknown`` where the survey states none."""
    nights, plans = (windows.identity[name].to_pylist() for name in ("lmjd", "planid"))
    return [
        f"{night or ''} {plan}".strip() if plan else "unknown"
        for night, plan in zip(nights, plans, strict=True)
    ]


def exceptions(verdicts: Verdicts, windows: WindowSet) -> list[dict[str, Any]]:
    """List the spectra called positive by the plain label, highest score first; files by their names."""
    snr = signal_to_noise(windows)
    rows = np.flatnonzero(verdicts.positive())
    return [
        {
            "row": row,
            "source": Path(windows.identity["source"][row].as_py()).name,
            "score": float(verdicts.score[row]),
            "uncertain": bool(verdicts.uncertain[row]),
            "double": bool(verdicts.double[row]),
            "snr": float(snr[row]) if np.isfinite(snr[row]) else None,
            "subclass": windows.identity["spectral_subclass"][row].as_py(),
        }
        for row in rows[np.argsort(-verdicts.score[rows], kind="stable")].tolist()
    ]


EDGES: Final = {
    "ew_significance": (3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 40.0),
    "ew": (0.3, 0.6, 1.2, 2.5, 5.0, 10.0, 20.0),
    "snr": (5.0, 10.0, 20.0, 40.0, 80.0),
    "separation_kms": (200.0, 300.0, 400.0, 500.0, 600.0),
}
"""Edges of the bins: |EW|/σ(EW), |EW| in Å, S/N per pixel, and separation of the peaks in km/s."""

STRONG: Final = 10.0
"""Lines over this many σ(EW) should not be missed."""

CORE_FILLING: Final = (5.0, 20.0)
"""Range of |EW|/σ(EW) in which lines that only fill the core are looked at."""


def completeness(verdicts: Verdicts, injections: Injections, *, threshold: float | None) -> dict[str, Any]:
    """Measure the recovery of injected emission.

    Parameters
    ----------
    verdicts
        On the injections.
    injections
        What was put in.
    threshold
        Emission is recovered where the score lies above it; None for the plain label.

    Returns
    -------
    dict
        JSON-ready: ``threshold``; ``overall`` as
        :func:`~vo_emline.evaluate.verdicts.outcome`; ``by`` |EW|/σ(EW) and
        |EW|, and for lines over :data:`STRONG` σ(EW) by S/N, separation (of
        doubles) and kind; ``strong``, ``strong_sticking_out``
        and ``core_filling`` lines; ``doubles_called_double`` and
        ``singles_called_double``. Shares are of all, abstentions or not, with
        exact intervals. Doubles and singles are those over :data:`STRONG`
        σ(EW), recovered, whose shape is beyond doubt.
    """
    column = {name: np.array(injections.truth[name]) for name in (*EDGES, "sticks_out", "clear")}
    column["ew"] = np.abs(column["ew"])
    found, label = verdicts.positive(threshold), _labels(injections)
    strong = column["ew_significance"] > STRONG
    filling = (column["ew_significance"] > CORE_FILLING[0]) & (column["ew_significance"] < CORE_FILLING[1])
    shaped = strong & found & column["clear"]
    return {
        "threshold": threshold,
        "overall": outcome(verdicts, threshold),
        "by": _in_all_bins(column, found, strong=strong, double=label == DOUBLE_PEAK)
        | {"kind": by_name(_kinds(injections, strong), found[strong])},
        "strong": _share(found, strong),
        "strong_sticking_out": _share(found, strong & column["sticks_out"]),
        "core_filling": _share(found, filling & ~column["sticks_out"]),
        "doubles_called_double": _share(verdicts.double, shaped & (label == DOUBLE_PEAK)),
        "singles_called_double": _share(verdicts.double, shaped & (label == EMISSION)),
    }


def _in_all_bins(
    column: dict[str, FloatArray], found: BoolArray, *, strong: BoolArray, double: BoolArray
) -> dict[str, list[dict[str, Any]]]:
    among = {"snr": strong, "separation_kms": strong & double}
    binned = {}
    for name, edges in EDGES.items():
        rows = among.get(name, np.ones(len(found), dtype=bool))
        binned[name] = in_bins(column[name][rows], found[rows], edges=edges)
    return binned


def _kinds(injections: Injections, among: BoolArray) -> list[str]:
    kinds: list[str] = injections.truth["family"].filter(pa.array(among)).to_pylist()
    return kinds


def _labels(injections: Injections) -> np.ndarray:
    return np.array([LABELS.index(name) for name in injections.truth["label"].to_pylist()])


def _share(success: BoolArray, among: BoolArray) -> dict[str, Any]:
    return proportion(int(success[among].sum()), int(among.sum()))


NETWORK: Final = "network"
WINDOW_ALONE: Final = "window alone"
"""The same network without the absorption expected from the rest of the spectrum."""

INJECTIONS: Final = 1500
COPIES: Final = 3
"""Degraded copies of each negative."""

MOST_DEGRADED: Final = 30_000
"""Of more negatives than give so many, some are drawn to be degraded."""

PREVALENCES: Final = {"even": 0.5, "survey": 0.01}
"""Prevalences at which calibration is looked at: an even mix, and the upper end of what LAMOST holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The spectra on which judges are compared."""

    negatives: WindowSet
    """Real spectra without emission."""
    degraded: WindowSet
    """The same with a low S/N."""
    injections: Injections
    """The same with emission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was measured, and the spectra it was measured on."""

    data: dict[str, Any]
    """JSON-ready."""
    trial: Trial


def make_trial(
    negatives: WindowSet,
    *,
    seed: int,
    injections: int = INJECTIONS,
    options: PreprocessOptions | None = None,
) -> Trial:
    """Make the spectra of a comparison from real negatives.

    Parameters
    ----------
    negatives
        Windows of real spectra without emission.
    seed
        The same seed gives the same spectra.
    injections
        How many get emission.
    options
        How the windows were prepared; None for the defaults.

    Raises
    ------
    UserError
        No spectrum can be a host.
    """
    some = np.random.default_rng([seed, 17]).permutation(len(negatives))[: MOST_DEGRADED // COPIES]
    return Trial(
        negatives=negatives,
        degraded=degrade(negatives.take(np.sort(some)), seed=seed, copies=COPIES, options=options),
        injections=inject(negatives, injections, seed=seed, options=options),
    )


def judge_all(judges: Mapping[str, Judge], trial: Trial) -> dict[str, dict[str, Any]]:
    """Measure every judge on the same spectra.

    Returns
    -------
    dict
        JSON-ready, by the name of the judge: ``false_positives`` and
        ``degraded`` (:func:`~vo_emline.evaluate.trial`),
        ``exceptions``, ``completeness`` at the strict threshold and
        ``completeness_plain`` by the plain label, and ``reliability`` at the
        :data:`PREVALENCES` (None for a judge without probabilities).
    """
    return {name: measure_judge(judge, trial) for name, judge in judges.items()}


def measure_judge(judge: Judge, trial: Trial) -> dict[str, Any]:
    """Measure one judge; see :func:`judge_all`."""
    on_negatives, on_injections = judge(trial.negatives), judge(trial.injections.windows)
    thresholds = rules(on_negatives)
    return {
        "false_positives": false_positives(on_negatives, trial.negatives, thresholds=thresholds),
        "degraded": false_positives(judge(trial.degraded), trial.degraded, thresholds=thresholds),
        "exceptions": exceptions(on_negatives, trial.negatives),
        "completeness": completeness(on_injections, trial.injections, threshold=thresholds[STRICT]),
        "completeness_plain": completeness(on_injections, trial.injections, threshold=None),
        "reliability": _calibration(on_negatives, on_injections, trial.injections),
    }


def _calibration(negatives: Verdicts, found: Verdicts, injections: Injections) -> dict[str, Any] | None:
    """Look at the calibration on the negatives and on the injections that can be seen at all."""
    if negatives.balanced is None or found.balanced is None:
        return None
    visible = np.array(injections.truth["ew_significance"]) > VISIBLE
    label = np.array([LABELS.index(name) for name in injections.truth["label"].to_pylist()])
    return {
        name: reliability(
            negatives.balanced, found.balanced[visible], label=label[visible], prevalence=prevalence
        )
        for name, prevalence in PREVALENCES.items()
    }
