"""How good a catalogue is, told while people label, and when to stop.

The labels of an *audit* queue were drawn at random within strata, so they estimate precision, completeness
and prevalence of the whole, at any moment, by :mod:`vo_emline.evaluate.audit`; labels of all other queues
were chosen because they are odd, and estimate nothing. What those tell is how often a label still
contradicts the model: the gain that the next hundred can bring. Everything here is pure, and what is given
to pages and reports is made of JSON's types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

from vo_emline.arrays import BoolArray, IntArray
from vo_emline.evaluate.audit.estimate import Estimates, Stratum, estimate

QUANTITIES: Final = ("precision", "completeness", "prevalence")
"""What is estimated, as pages name it; the completeness is the recall of the audit."""

WIDTH: Final = 0.10
"""Width of the intervals of precision and completeness at which an audit may stop."""

WINDOW: Final = 100
"""Labels that tell what the next ones will bring."""

GAIN: Final = 0.05
"""Share of labels that contradict the model below which one may stop choosing spectra to learn from."""

LEVEL: Final = 0.95
"""Confidence of all intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One spectrum of an audit sample and what people say of it."""

    stratum: str
    """Name of its stratum."""
    stratum_size: int
    """Spectra of the survey in that stratum."""
    positive: bool
    """Whether the spectra of the stratum were called positive."""
    emission: bool | None
    """Whether it shows emission; None where nobody has labelled it yet, or people could not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One turn of look, label, learn."""

    labels: int
    """Labels given until then, all rounds together."""
    model_version: str
    """The model that was learnt from them."""
    estimates: Mapping[str, Any]
    """What :func:`live_estimates` gave for it."""
    seconds: float = 0.0
    """Time that the labels took, all rounds together."""


def strata_of(sample: Iterable[Judged]) -> list[Stratum]:
    """Count the labels of an audit sample in each stratum, in the order of their names."""
    strata: dict[str, Stratum] = {}
    for one in sample:
        now = strata.setdefault(
            one.stratum,
            Stratum(name=one.stratum, size=one.stratum_size, positive=one.positive, labelled=0, hits=0),
        )
        strata[one.stratum] = replace(
            now,
            labelled=now.labelled + (one.emission is not None),
            hits=now.hits + bool(one.emission),
        )
    return [strata[name] for name in sorted(strata)]


def restratify(
    stratum: IntArray,
    positive: BoolArray,
    names: Sequence[str],
    *,
    rows: IntArray,
    emission: Sequence[bool | None],
) -> list[Stratum]:
    """Let the labels of an audit speak of another model than the one it was drawn for.

    The strata of the draw are cut by what the new model says. Their sizes are known, and those of a cell
    that have labels are a random sample of it, whatever their number (post-stratification: Cochran 1977,
    *Sampling Techniques*, section 5A.9).

    Parameters
    ----------
    stratum
        Stratum of the draw of each spectrum of the survey, index into `names`, shape (n,).
    positive
        Which the new model calls positive, shape (n,).
    names
        Names of the strata.
    rows
        Spectra of the audit sample, rows of the survey, shape (k,).
    emission
        What people say of each of these: k of them; None where there is no label.

    Returns
    -------
    list of Stratum
        Cells that have spectra; those without a label need some (:func:`live_estimates` names them).
    """
    cell = 2 * stratum + positive
    size = np.bincount(cell, minlength=2 * len(names))
    said = np.array([one is not None for one in emission], dtype=bool)
    hit = np.array([bool(one) for one in emission], dtype=bool)
    labelled, hits = (
        np.bincount(cell[rows[which]], minlength=2 * len(names)) for which in (said, said & hit)
    )
    return [
        Stratum(
            name=f"{names[number // 2]}, now {'positive' if number % 2 else 'negative'}",
            size=int(size[number]),
            positive=bool(number % 2),
            labelled=int(labelled[number]),
            hits=int(hits[number]),
        )
        for number in np.flatnonzero(size).tolist()
    ]


def live_estimates(
    strata: Sequence[Stratum], *, level: float = LEVEL, width: float = WIDTH
) -> dict[str, Any]:
    """Estimate precision, completeness and prevalence from the labels that there are.

    Parameters
    ----------
    strata
        What :func:`strata_of`, :func:`restratify` or
        :func:`~vo_emline.evaluate.audit.sample.read_sample` gave.
    level
        Confidence of the intervals.
    width
        Width of interval that is wanted, for :func:`labels_wanted`.

    Returns
    -------
    dict
        JSON-ready: ``labelled``; ``size``, spectra of the survey; ``waiting``, names of strata without any
        label; for each of :data:`QUANTITIES` a ``value``, its ``interval`` and that one's ``width``; and
        ``wanted``, labels still needed until precision and completeness have intervals of `width`, None
        where that cannot be told yet; ``strata`` as they are. A value is None, and its interval 0 to 1, while
        a stratum that it hangs on has no label: precision needs those of positive spectra alone.
    """
    waiting = [one.name for one in strata if not one.labelled]
    called = [one for one in strata if one.positive]
    figures: dict[str, Any] = dict.fromkeys(QUANTITIES, _UNKNOWN)
    if strata and not waiting:
        whole = estimate(strata, level=level)
        figures = {name: _figure(whole, quantity) for name, quantity in _NAMES.items()}
    elif called and all(one.labelled for one in called):
        figures["precision"] = _figure(estimate(called, level=level), "precision")
    labelled = sum(one.labelled for one in strata)
    widths = [figures[name]["width"] for name in ("precision", "completeness")]
    known = bool(strata) and not waiting and figures["completeness"]["value"] is not None
    return {
        "labelled": labelled,
        "size": sum(one.size for one in strata),
        "level": level,
        "waiting": waiting,
        **{name: dict(figures[name]) for name in QUANTITIES},
        "wanted": labels_wanted(labelled, max(widths), width=width) if known else None,
        "strata": [asdict(one) for one in strata],
    }


_NAMES: Final = {"precision": "precision", "completeness": "recall", "prevalence": "prevalence"}
_UNKNOWN: Final[Mapping[str, Any]] = {"value": None, "interval": [0.0, 1.0], "width": 1.0}


def _figure(found: Estimates, quantity: str) -> dict[str, Any]:
    figure = found.to_dict()[quantity]
    low, high = figure["interval"]
    return {"value": figure["value"], "interval": [low, high], "width": high - low}


def labels_wanted(labelled: int, now: float, *, width: float = WIDTH) -> int:
    """Tell how many more labels make an interval as narrow as `width`: it goes with one over the root."""
    return max(0, int(np.ceil(labelled * ((now / width) ** 2 - 1.0))))


def marginal_gain(
    contradicts: npt.ArrayLike, *, window: int = WINDOW, level: float = LEVEL
) -> dict[str, Any]:
    """Tell how often labels still contradict the model: what the next ones will teach.

    Parameters
    ----------
    contradicts
        Whether each label contradicts what the model said then, in the order they were given, shape (n,).
    window
        The last so many count.
    level
        Confidence of the interval (Clopper & Pearson 1934, Biometrika 26, 404).

    Returns
    -------
    dict
        JSON-ready: ``of`` labels, ``contradicting`` ones, ``value`` (None without any) and ``interval``.
    """
    last = np.asarray(contradicts, dtype=bool)[-window:]
    n, hits = int(last.size), int(last.sum())
    tail = (1.0 - level) / 2.0
    low = float(beta.ppf(tail, hits, n - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1.0 - tail, hits + 1, n - hits)) if hits < n else 1.0
    return {"of": n, "contradicting": hits, "value": hits / n if n else None, "interval": [low, high]}


def when_to_stop(
    estimates: Mapping[str, Any] | None = None,
    gain: Mapping[str, Any] | None = None,
    *,
    width: float = WIDTH,
    least_gain: float = GAIN,
    window: int = WINDOW,
) -> dict[str, Any]:
    """Say whether to go on labelling, and why.

    Parameters
    ----------
    estimates
        What :func:`live_estimates` gave, of an audit queue; None for a queue to learn from.
    gain
        What :func:`marginal_gain` gave, of a queue to learn from; None for an audit queue.
    width
        Width of the intervals of precision and completeness that is enough.
    least_gain
        Share of contradicting labels below which little is learnt.
    window
        Labels that `gain` is of at least.

    Returns
    -------
    dict
        JSON-ready: ``stop``, and ``because``, a sentence for people.
    """
    if estimates is not None:
        return _audited(estimates, width)
    if gain is None or gain["of"] < window:
        seen = 0 if gain is None else gain["of"]
        return {"stop": False, "because": f"{seen} of the {window} labels that tell what more would teach"}
    share = f"{gain['contradicting']} of the last {gain['of']} labels contradict the model"
    if gain["value"] < least_gain:
        return {"stop": True, "because": f"{share}: few more would change it; refine, then audit"}
    return {"stop": False, "because": f"{share}: it still learns"}


def _audited(estimates: Mapping[str, Any], width: float) -> dict[str, Any]:
    if estimates["waiting"]:
        count = len(estimates["waiting"])
        return {"stop": False, "because": f"{count} strata have no label yet: nothing is known of the whole"}
    if estimates["completeness"]["value"] is None:
        return {"stop": False, "because": "no label says emission yet"}
    widest = max(("precision", "completeness"), key=lambda name: estimates[name]["width"])
    now = estimates[widest]["width"]
    if now <= width:
        return {"stop": True, "because": f"the intervals are as narrow as wanted: {widest} ± {now / 2:.1%}"}
    more = labels_wanted(estimates["labelled"], now, width=width)
    return {
        "stop": False,
        "because": f"{widest} is known to ± {now / 2:.1%}; some {more} more labels make it ± {width / 2:.1%}",
    }


def learning_curve(rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """Tabulate what each round brought, for a table or a drawing; JSON-ready.

    Returns
    -------
    list of dict
        In order: ``labels``, ``minutes``, ``model_version``; ``value`` and ``interval`` of each of
        :data:`QUANTITIES`; and ``gain``, change of the F1 score of precision and completeness per hundred
        labels since the round before, None where it is not known.
    """
    curve: list[dict[str, Any]] = []
    for one in sorted(rounds, key=lambda each: each.labels):
        f1 = _f1(*(one.estimates[name]["value"] for name in ("precision", "completeness")))
        row: dict[str, Any] = {
            "labels": one.labels,
            "minutes": one.seconds / 60.0,
            "model_version": one.model_version,
            "f1": f1,
            "gain": None,
        }
        row |= {name: {key: one.estimates[name][key] for key in ("value", "interval")} for name in QUANTITIES}
        before = curve[-1] if curve else None
        if before and f1 is not None and before["f1"] is not None and one.labels > before["labels"]:
            row["gain"] = 100.0 * (f1 - before["f1"]) / (one.labels - before["labels"])
        curve.append(row)
    return curve


def _f1(precision: float | None, completeness: float | None) -> float | None:
    if precision is None or completeness is None:
        return None
    return 2.0 * precision * completeness / max(precision + completeness, 1e-12)


def report(
    *,
    strata: Sequence[Stratum] = (),
    contradicts: npt.ArrayLike = (),
    rounds: Sequence[Round] = (),
    width: float = WIDTH,
) -> dict[str, Any]:
    """Give all that a page of a queue shows: ``GET /label/api/queues/{name}/estimates``.

    Parameters
    ----------
    strata
        Of an audit queue (:func:`strata_of`); none for a queue to learn from.
    contradicts
        As of :func:`marginal_gain`, of this queue.
    rounds
        Models learnt so far.
    width
        Width of the intervals that is wanted.

    Returns
    -------
    dict
        JSON-ready: ``estimates`` (None for a queue to learn from), ``gain``, ``stop`` and ``curve``.
    """
    estimates = live_estimates(strata, width=width) if strata else None
    gain = marginal_gain(contradicts)
    return {
        "estimates": estimates,
        "gain": gain,
        "stop": when_to_stop(estimates, None if strata else gain, width=width),
        "curve": learning_curve(rounds),
    }
