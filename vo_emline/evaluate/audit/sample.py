"""Which spectra people should label: a stratified random sample of a catalogue."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from vo_emline.arrays import FloatArray, IntArray
from vo_emline.errors import UserError
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.training.labelled import short_name

Allocation = Literal["optimal", "equal"]

SCORE_EDGES: Final = (0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
"""Edges of the bins of score that make the strata, together with the predicted class."""

LEAST: Final = 20
"""Every stratum gives at least this many spectra, or all it has."""

DOUBT: Final = 0.01
"""For the optimal allocation no stratum is taken to be purer than this, whatever its scores say."""


def stratify(score: FloatArray, predicted: npt.NDArray[np.bool_]) -> tuple[IntArray, list[str]]:
    """Give each spectrum its stratum: predicted class and bin of score.

    Parameters
    ----------
    score
        Probability of emission, shape (n,).
    predicted
        Whether it was called positive, shape (n,).

    Returns
    -------
    tuple
        Number of the stratum, shape (n,), and the names of the strata, of which none is empty.
    """
    bins = np.digitize(score, SCORE_EDGES)
    used, stratum = np.unique(bins + (len(SCORE_EDGES) + 1) * predicted, return_inverse=True)
    return stratum.astype(np.int64), [_name(number) for number in used.tolist()]


def _name(number: int) -> str:
    positive, index = divmod(number, len(SCORE_EDGES) + 1)
    ends = (0.0, *SCORE_EDGES, 1.0)
    return f"{'positive' if positive else 'negative'} {ends[index]:g}-{ends[index + 1]:g}"


def allocate(size: IntArray, expected: FloatArray, n: int, *, allocation: Allocation = "optimal") -> IntArray:
    """Decide how many spectra each stratum gives.

    Parameters
    ----------
    size
        Spectra in each stratum, shape (strata,).
    expected
        Share of them expected to show emission, shape (strata,).
    n
        Spectra to label in all.
    allocation
        ``optimal``: in proportion to N·√(p(1−p)), which makes the variance of
        the number of emission-line stars least (Neyman 1934, JRSS 97, 558;
        Cochran 1977, *Sampling Techniques*, section 5.5); ``equal``: alike.

    Returns
    -------
    numpy.ndarray
        Counts, shape (strata,), that add up to `n`, or to all spectra where these are fewer.

    Raises
    ------
    UserError
        `n` is less than two for each stratum, from which nothing could be estimated.
    """
    if n < 2 * len(size):
        raise UserError(f"{len(size)} strata need at least {2 * len(size)} spectra to label, not {n}")
    share = np.clip(expected, DOUBT, 1.0 - DOUBT)
    want = size * np.sqrt(share * (1.0 - share)) if allocation == "optimal" else np.ones(len(size))
    given = np.minimum(size, min(LEAST, n // len(size)))
    while (left := min(n, int(size.sum())) - int(given.sum())) > 0:
        open_ = want * (given < size)
        ideal = left * open_ / open_.sum()
        step = np.minimum(np.floor(ideal).astype(np.int64), size - given)
        if not step.any():
            step = np.zeros_like(given)
            step[np.argsort(-ideal, kind="stable")[: min(left, np.count_nonzero(open_))]] = 1
        given = given + step
    return np.asarray(given, dtype=np.int64)


def draw(scores: pa.Table, n: int, *, seed: int, allocation: Allocation = "optimal") -> pa.Table:
    """Draw spectra to be labelled, at random within each stratum.

    Parameters
    ----------
    scores
        Scores of a survey: columns ``source``, ``label`` and ``score``.
    n
        How many.
    seed
        The same seed gives the same sample.
    allocation
        See :func:`allocate`.

    Returns
    -------
    pyarrow.Table
        In random order: ``id``, ``file``, ``score``, ``predicted``,
        ``stratum``, ``stratum_size``, ``weight`` (spectra of the catalogue
        that each stands for) and an empty ``label``.

    Raises
    ------
    UserError
        There are no scores, or `n` is too small.
    """
    if not len(scores):
        raise UserError("there are no scores to draw from")
    score = scores["score"].to_numpy().astype(np.float64)
    predicted = pc.not_equal(scores["label"], LABELS[ABSORPTION]).to_numpy()
    stratum, names = stratify(score, predicted)
    size = np.bincount(stratum)
    count = allocate(size, np.bincount(stratum, weights=score) / size, n, allocation=allocation)
    random = np.random.default_rng([seed, 15])
    parts = [random.choice(np.flatnonzero(stratum == h), count[h], replace=False) for h in range(len(size))]
    rows = random.permutation(np.concatenate(parts))
    return _table(scores.take(rows), stratum[rows], names=names, size=size, count=count)


def _stem(source: str) -> str:
    """Give the name by which labels are matched to files, in the letters of the file."""
    return source.rpartition("/")[2][: len(short_name(source))]


def _table(
    chosen: pa.Table, stratum: IntArray, *, names: list[str], size: IntArray, count: IntArray
) -> pa.Table:
    sources = chosen["source"].to_pylist()
    return pa.table(
        {
            "id": [_stem(source) for source in sources],
            "file": sources,
            "score": chosen["score"],
            "predicted": chosen["label"],
            "stratum": [names[h] for h in stratum.tolist()],
            "stratum_size": size[stratum],
            "weight": size[stratum] / count[stratum],
            "label": pa.array([""] * len(sources), pa.string()),
        }
    )
