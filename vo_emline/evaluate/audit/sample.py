"""The sample of an audit: strata, how many of each, and the table that people fill in."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from vo_emline.arrays import FloatArray, IntArray
from vo_emline.errors import UserError
from vo_emline.evaluate.audit.estimate import Stratum
from vo_emline.files import atomic_path
from vo_emline.labels import ABSORPTION, LABELS
from vo_emline.training.labelled import UNKNOWN, parse_label, short_name

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


COLUMNS: Final = ("id", "file", "score", "predicted", "stratum", "stratum_size", "weight", "label")
"""Columns of the sample, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSample:
    """What a labelled CSV says."""

    strata: tuple[Stratum, ...]
    blank: int
    """Spectra that nobody has labelled yet."""
    unknown: int
    """Spectra of which nobody could tell."""


def write_sample(path: Path, sample: pa.Table) -> None:
    """Write a sample as CSV, atomically; an existing file, which may hold labels, stays.

    Raises
    ------
    UserError
        `path` exists.
    """
    if path.exists():
        raise UserError(f"{path} exists and may hold labels; remove it or give another name")
    with atomic_path(path) as temporary:
        arrow_csv.write_csv(
            sample.select(list(COLUMNS)), temporary, arrow_csv.WriteOptions(quoting_style="needed")
        )


def read_sample(path: Path) -> LabelledSample:
    """Read a sample in which people filled the column ``label``.

    Labels are those of :func:`~vo_emline.training.labelled.read_labels`.
    Spectra with none, or with ``unknown``, count as not drawn: those of their
    stratum that have a label stand for them.

    Raises
    ------
    UserError
        The file cannot be read, lacks a column, or a cell makes no sense.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = sorted({"stratum", "stratum_size", "predicted", "label"} - set(reader.fieldnames or ()))
            if missing:
                raise UserError(f"{path} lacks the columns {', '.join(missing)}; is it from `audit draw`?")
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the sample cannot be read: {error}") from error
    return _summarise(path, rows)


def _summarise(path: Path, rows: Sequence[tuple[int, dict[str, Any]]]) -> LabelledSample:
    labels = [_label(path, line, row["label"]) for line, row in rows]
    designs: dict[str, tuple[int, bool]] = {}
    counts: dict[str, list[int]] = {}
    for (line, row), label in zip(rows, labels, strict=True):
        design = (_size(path, line, row["stratum_size"]), row["predicted"] != LABELS[ABSORPTION])
        if designs.setdefault(row["stratum"], design) != design:
            raise UserError(f"{path}, line {line}: stratum {row['stratum']} has two sizes or classes")
        count = counts.setdefault(row["stratum"], [0, 0])
        count[0] += label in LABELS
        count[1] += label in LABELS[1:]
    return LabelledSample(
        strata=tuple(
            Stratum(name=name, size=size, positive=positive, labelled=counts[name][0], hits=counts[name][1])
            for name, (size, positive) in sorted(designs.items())
        ),
        blank=labels.count(""),
        unknown=labels.count(UNKNOWN),
    )


def _label(path: Path, line: int, text: str | None) -> str:
    if not (text or "").strip():
        return ""
    label = parse_label(text or "")
    if label is None:
        words = ", ".join((*LABELS, UNKNOWN))
        raise UserError(f"{path}, line {line}: label {text!r} is none of {words} or 0-3")
    return label


def _size(path: Path, line: int, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UserError(f"{path}, line {line}: stratum_size {text!r} is no number") from None
