"""Which spectra to look at next.

Every strategy is a pure choice: what is known of n spectra in, :class:`Choice` out, the same for the same
seed. None of them needs more than a survey's table of scores but :func:`uncertain` with features and
:func:`diverse`, which look at what the last layer of the network sees.

* :func:`random_positives`: what a catalogue is made of, to learn its precision.
* :func:`uncertain`: where the classes are about as probable, each batch spread over unlike spectra.
* :func:`surprising`: where the label is at odds with the simple check, a catalogue, or other epochs.
* :func:`unlike_training`: what the network was shown nothing like.
* :func:`disagreement`: what people have called by different names.
* :func:`blend`: several of these in one batch, by :data:`SHARES`.

The audit sample is no strategy: it is drawn at random within strata so that rates can be estimated from it
(:mod:`vo_emline.evaluate.audit`); what is chosen here is not, and estimates no rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from vo_emline.arrays import BoolArray, Column, FloatArray, IntArray, Probabilities
from vo_emline.errors import UserError

Measure = Literal["entropy", "margin"]

POOL: Final = 10
"""A diverse batch of n is picked of the POOL · n spectra that are the most uncertain."""

AXES: Final = 24
"""Main axes of the features along which spectra are told apart."""

ROUNDS: Final = 12
"""Rounds of Lloyd's algorithm: the batch only has to be spread, not the clusters be exact."""

NOTHING_SEEN: Final = 0.3
"""Below this strength, in units of what is beyond doubt, the simple check sees no line at all."""

SURPRISES: Final[Mapping[str, str]] = {
    "line_without_label": "a line stands out of the continuum, and the label is absorption",
    "label_without_line": "the label is emission, and the simple check sees none",
    "known_emitter": "a catalogue has it as an emission-line star, and the label is absorption",
    "other_epoch": "another spectrum of the star has the other label",
}
"""What may be surprising, in the order in which a batch takes turns."""

SHARES: Final[Mapping[str, float]] = {"surprising": 0.4, "uncertain": 0.4, "unlike_training": 0.2}
"""What a batch of mixed kind is made of; what one of them lacks the others give."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Spectra to look at, in order, and why."""

    rows: IntArray
    """Rows among the spectra that were offered, none twice, shape (k,)."""
    reasons: tuple[str, ...]
    """Why each was chosen, one word, k of them."""

    def __len__(self) -> int:
        """Count the spectra."""
        return len(self.rows)

    def first(self, n: int) -> Choice:
        """Give the first n."""
        return Choice(rows=self.rows[:n], reasons=self.reasons[:n])


def entropy(probabilities: Probabilities) -> Column:
    """Give the Shannon entropy of class probabilities, nats, shape (n, 3) → (n,).

    What is asked here, as in 2020 (Škoda, Podsztavek & Tvrdík 2020, A&A 643, A122), is how undecided the
    network is, whatever that comes from.
    """
    p = np.maximum(np.asarray(probabilities, dtype=np.float64), 1e-12)
    return np.asarray(-(p * np.log(p)).sum(axis=1))


def margin(probabilities: Probabilities) -> Column:
    """Give how near the two most probable classes are, 0 (sure) to 1 (alike), shape (n, 3) → (n,)."""
    ordered = np.sort(np.asarray(probabilities, dtype=np.float64), axis=1)
    return np.asarray(1.0 - (ordered[:, -1] - ordered[:, -2]))


def random_positives(positive: BoolArray, n: int, *, seed: int, allowed: BoolArray | None = None) -> Choice:
    """Choose among the spectra that were called positive, at random.

    Parameters
    ----------
    positive
        Which were called positive, shape (n,).
    n
        How many; fewer where there are not as many.
    seed
        The same seed gives the same choice.
    allowed
        Which may be chosen, shape (n,); None for all.
    """
    rows = np.random.default_rng([seed, 71]).permutation(np.flatnonzero(_allowed(positive, allowed)))
    return _choice(rows[:n], "random_positive")


def uncertain(
    probabilities: Probabilities,
    n: int,
    *,
    seed: int,
    features: FloatArray | None = None,
    measure: Measure = "entropy",
    allowed: BoolArray | None = None,
) -> Choice:
    """Choose the spectra of which the network is least certain.

    Parameters
    ----------
    probabilities
        Class probabilities of each spectrum, shape (spectra, 3).
    n
        How many.
    seed
        Settles ties, and where clusters begin.
    features
        What the last layer of the network sees of each, shape (spectra, k): the most uncertain are then
        clustered and each cluster gives one, so that a batch is not a hundred times the same spectrum. None
        to take the n most uncertain.
    measure
        ``entropy`` or ``margin``.
    allowed
        Which may be chosen, shape (spectra,); None for all.
    """
    doubt = (entropy if measure == "entropy" else margin)(probabilities)
    order = _ranked(doubt, _allowed(np.ones(len(doubt), dtype=bool), allowed), seed=seed)
    if features is None or n >= order.size:
        return _choice(order[:n], "uncertain")
    pool = order[: POOL * n]
    picked = diverse(np.asarray(features[pool], dtype=np.float64), n, seed=seed, worth=doubt[pool])
    return _choice(pool[picked.rows], "uncertain")


def diverse(features: FloatArray, n: int, *, seed: int, worth: Column | None = None) -> Choice:
    """Choose spectra that are unlike each other: of each of n clusters that which is worth most.

    Clusters are those of k-means (Arthur & Vassilvitskii 2007 for where they begin) along the main axes of
    the features' logarithms, as in Zhdanov 2019, arXiv:1901.05954.

    Parameters
    ----------
    features
        What the last layer sees, or any numbers that are alike for like spectra, shape (spectra, k).
    n
        How many.
    seed
        The same seed gives the same choice.
    worth
        Weight of each spectrum in its cluster, not negative, shape (spectra,); None for alike.
    """
    worth = np.ones(len(features)) if worth is None else np.maximum(worth, 0.0) + 1e-12
    if n >= len(features):
        return _choice(np.argsort(-worth, kind="stable"), "diverse")
    points = _main_axes(features)
    centres = _begin(points, worth, n, np.random.default_rng([seed, 72]))
    for _ in range(ROUNDS):
        nearest = _squared_distances(points, centres).argmin(axis=1)
        mass = np.bincount(nearest, weights=worth, minlength=n)
        sums = np.stack(
            [np.bincount(nearest, weights=worth * axis, minlength=n) for axis in points.T], axis=1
        )
        centres = np.where(mass[:, None] > 0, sums / np.maximum(mass, 1e-300)[:, None], centres)
    nearest = _squared_distances(points, centres).argmin(axis=1)
    by_worth = np.argsort(-worth, kind="stable")
    heads = by_worth[np.unique(nearest[by_worth], return_index=True)[1]]
    heads = heads[np.argsort(-worth[heads], kind="stable")]
    others = by_worth[~np.isin(by_worth, heads)]
    return _choice(np.concatenate([heads, others])[:n], "diverse")


def surprising(
    positive: BoolArray,
    n: int,
    *,
    seed: int,
    strength: Column | None = None,
    known: BoolArray | None = None,
    star: IntArray | None = None,
    score: Column | None = None,
    allowed: BoolArray | None = None,
) -> Choice:
    """Choose the spectra whose label is at odds with something else that is known of them.

    Kinds of surprise (:data:`SURPRISES`) take turns, within each the greatest comes first. What is None is
    not looked at.

    Parameters
    ----------
    positive
        Which were called positive, shape (spectra,).
    n
        How many; fewer where fewer surprise.
    seed
        Settles ties.
    strength
        How plainly a line rises above the continuum, 1 where that is beyond doubt, as
        :func:`~vo_emline.measure.matched.line_strength` gives it, shape (spectra,); NaN where unknown.
    known
        Which a catalogue has as stars with emission, shape (spectra,).
    star
        Number of the star of each spectrum, shape (spectra,).
    score
        Probability of emission, shape (spectra,): among the epochs of a star the one that differs most from
        the others comes first. None where labels alone count.
    allowed
        Which may be chosen, shape (spectra,); None for all. The others are compared with all the same.
    """
    may = _allowed(np.ones(len(positive), dtype=bool), allowed)
    conflicts: dict[str, Column] = {}
    if strength is not None:
        seen = np.nan_to_num(np.asarray(strength, dtype=np.float64), nan=-1.0)
        conflicts["line_without_label"] = np.where(~positive & (seen > 1.0), seen, 0.0)
        nothing = positive & (seen < NOTHING_SEEN) & np.isfinite(strength)
        conflicts["label_without_line"] = np.where(nothing, 1.0 - seen, 0.0)
    if known is not None:
        # the less the network thinks of it, the greater the surprise
        less = 1.0 if score is None else 2.0 - np.nan_to_num(score)
        conflicts["known_emitter"] = np.where(known & ~positive, less, 0.0)
    if star is not None:
        conflicts["other_epoch"] = _apart(positive, star, score)
    orders = {
        name: _ranked(conflict, may & (conflict > 0), seed=seed) for name, conflict in conflicts.items()
    }
    return _in_turn({name: _choice(rows, name) for name, rows in orders.items()}, n)


def unlike_training(
    strangeness: Column,
    n: int,
    *,
    seed: int,
    limit: float = 0.0,
    features: FloatArray | None = None,
    allowed: BoolArray | None = None,
) -> Choice:
    """Choose what is unlike anything that the network was shown.

    Parameters
    ----------
    strangeness
        How strange each spectrum is, as :meth:`vo_emline.training.familiarity.Familiarity.strangeness` or a
        flag (0 or 1) tells, shape (spectra,); NaN where unknown.
    n
        How many; fewer where fewer are strange.
    seed
        Settles ties, and where clusters begin.
    limit
        What is not above it is not strange.
    features
        As of :func:`uncertain`: of the strangest those that are unlike each other.
    allowed
        Which may be chosen, shape (spectra,); None for all.
    """
    value = np.nan_to_num(np.asarray(strangeness, dtype=np.float64), nan=-np.inf)
    order = _ranked(value, _allowed(value > limit, allowed), seed=seed)
    if features is None or n >= order.size:
        return _choice(order[:n], "unlike_training")
    pool = order[: POOL * n]
    picked = diverse(np.asarray(features[pool], dtype=np.float64), n, seed=seed)
    return _choice(pool[picked.rows], "unlike_training")


def disagreement(spectrum: IntArray, named: Sequence[str], n: int) -> Choice:
    """Choose what people have called by different names, the most divided first.

    Parameters
    ----------
    spectrum
        Row of the spectrum that each label is of, shape (labels,).
    named
        What each label says: profile or class; labels of people who could not tell are left out by the
        caller, or count as a name of their own.
    n
        How many; fewer where people agree.
    """
    if not len(spectrum):
        return _choice(np.empty(0, dtype=np.int64), "disagreement")
    rows, item = np.unique(spectrum, return_inverse=True)
    words, word = np.unique(np.array(named, dtype=str), return_inverse=True)
    votes = np.zeros((rows.size, words.size))
    np.add.at(votes, (item, word), 1.0)
    share = votes / votes.sum(axis=1, keepdims=True)
    divided = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1)
    order = np.lexsort((-votes.sum(axis=1), -divided))
    return _choice(rows[order[divided[order] > 0]][:n].astype(np.int64), "disagreement")


def blend(choices: Mapping[str, Choice], n: int, *, shares: Mapping[str, float] = SHARES) -> Choice:
    """Make one batch of several choices, none twice.

    Parameters
    ----------
    choices
        By strategy. Let each offer n: one that is short is made up for by the others.
    n
        How many.
    shares
        Part of the batch that each strategy gives; of the choices that are not named here nothing is taken.

    Raises
    ------
    UserError
        No strategy has a share.
    """
    parts = {name: shares.get(name, 0.0) for name in choices if shares.get(name, 0.0) > 0}
    if not parts:
        raise UserError(f"no part of the batch is given to any of {', '.join(choices) or 'no strategy'}")
    queues = {
        name: list(zip(choices[name].rows.tolist(), choices[name].reasons, strict=True)) for name in parts
    }
    taken: dict[int, str] = {}
    given = dict.fromkeys(parts, 0)
    while len(taken) < n and (left := [name for name in parts if given[name] < len(queues[name])]):
        # whoever is furthest behind its share is next; a spectrum that another gave counts for both
        name = min(left, key=lambda one: (given[one] + 1) / parts[one])
        row, reason = queues[name][given[name]]
        given[name] += 1
        taken.setdefault(row, reason)
    return Choice(rows=np.array(list(taken), dtype=np.int64), reasons=tuple(taken.values()))


def _choice(rows: IntArray, reason: str) -> Choice:
    return Choice(rows=np.asarray(rows, dtype=np.int64), reasons=(reason,) * len(rows))


def _allowed(wanted: BoolArray, allowed: BoolArray | None) -> BoolArray:
    return wanted if allowed is None else wanted & allowed


def _ranked(value: Column, which: BoolArray, *, seed: int) -> IntArray:
    """Order the rows that may be taken, greatest value first, ties at random."""
    rows = np.random.default_rng([seed, 73]).permutation(np.flatnonzero(which))
    return np.asarray(rows[np.argsort(-value[rows], kind="stable")], dtype=np.int64)


def _in_turn(choices: Mapping[str, Choice], n: int) -> Choice:
    """Take one of each in turn."""
    return (
        blend(choices, n, shares=dict.fromkeys(choices, 1.0))
        if choices
        else _choice(np.empty(0, dtype=np.int64), "")
    )


def _apart(positive: BoolArray, star: IntArray, score: Column | None) -> Column:
    """Tell how far a spectrum is from the mean of its star's others, where these have another label."""
    value = positive.astype(np.float64) if score is None else np.asarray(score, dtype=np.float64)
    group = np.unique(star, return_inverse=True)[1]
    count, called = np.bincount(group), np.bincount(group, weights=positive)
    divided = ((called > 0) & (called < count))[group]
    others = np.maximum(count[group] - 1, 1)
    mean = (np.bincount(group, weights=value)[group] - value) / others
    return np.where(divided, np.abs(value - mean) + 1e-9, 0.0)


def _main_axes(features: FloatArray) -> FloatArray:
    """Give the features along their main axes, shape (n, ≤ AXES); rectified ones as logarithms."""
    values = np.asarray(features, dtype=np.float64)
    values = np.log1p(values) if values.size and values.min() >= 0 else values
    apart = values - values.mean(axis=0)
    if apart.shape[1] <= AXES:
        return np.asarray(apart)
    axes = np.linalg.eigh(apart.T @ apart)[1][:, -AXES:]
    return np.asarray(apart @ axes)


def _squared_distances(points: FloatArray, centres: FloatArray) -> FloatArray:
    """Give squared distances but for rounding, shape (n, centres)."""
    square = np.square(points).sum(axis=1)[:, None] + np.square(centres).sum(axis=1)
    return np.asarray(np.maximum(square - 2.0 * points @ centres.T, 0.0))


def _begin(points: FloatArray, worth: Column, n: int, random: np.random.Generator) -> FloatArray:
    """Draw where clusters begin, each in proportion to worth and squared distance from the others."""
    chosen = [int(random.choice(len(points), p=worth / worth.sum()))]
    distance = _squared_distances(points, points[chosen[:1]])[:, 0]
    while len(chosen) < n:
        weight = worth * distance
        total = weight.sum()
        # where all that is left lies on a centre, any will do
        p = weight / total if total > 0 else None
        chosen.append(int(random.choice(len(points), p=p)))
        distance = np.minimum(distance, _squared_distances(points, points[chosen[-1:]])[:, 0])
    return points[chosen]
