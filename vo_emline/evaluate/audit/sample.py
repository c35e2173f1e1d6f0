"""The sample of an audit: strata, how many of each, and the table that people fill in."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from vo_emline.arrays import Column, FloatArray, IntArray
from vo_emline.errors import UserError
from vo_emline.evaluate.audit.estimate import Stratum
from vo_emline.files import atomic_path
from vo_emline.labels import ABSORPTION, BY_PROFILE, LABELS, UNKNOWN, parse_profile
from vo_emline.spectra.names import short_name

Allocation = Literal["optimal", "equal"]

SCORE_EDGES: Final = (0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
"""Edges of the bins of score that make the strata, together with the predicted class."""

LEAST: Final = 20
"""Every stratum gives at least this many spectra, or all it has."""

DOUBT: Final = 0.01
"""For the optimal allocation no stratum is taken to be purer than this, whatever its scores say."""


def stratify(score: Column, predicted: npt.NDArray[np.bool_]) -> tuple[IntArray, list[str]]:
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
    used, stratum = np.unique(_number(score, predicted), return_inverse=True)
    return stratum.astype(np.int64), [_name(number) for number in used.tolist()]


def _number(score: FloatArray, predicted: npt.NDArray[np.bool_]) -> IntArray:
    """Give the number of the stratum of each spectrum among all that there may be."""
    return np.digitize(score, SCORE_EDGES) + (len(SCORE_EDGES) + 1) * predicted.astype(np.int64)


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


@runtime_checkable
class Catalogue(Protocol):
    """A catalogue that can be gone through and asked for rows (:mod:`vo_emline.candidates.classified`)."""

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Go through some columns of all rows, always in the same order."""
        ...

    def take(self, rows: IntArray) -> pa.Table:
        """Give some rows with ``publisher_did``, ``file``, ``label`` and ``score``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Which rows of a catalogue were drawn, in random order."""

    rows: IntArray
    """Shape (k,)."""
    stratum: IntArray
    """Number of the stratum of each, shape (k,)."""
    names: tuple[str, ...]
    """Names of the strata."""
    size: IntArray
    """Spectra of the catalogue in each, shape (strata,)."""
    count: IntArray
    """How many of them were drawn, shape (strata,)."""


def draw_rows(catalogue: Catalogue, n: int, *, seed: int, allocation: Allocation = "optimal") -> Drawn:
    """Decide which spectra are to be labelled, at random within each stratum.

    The catalogue is gone through twice, a batch at a time: once to count, and once to find the rows that are
    the ones drawn of their strata.

    Parameters
    ----------
    catalogue
        With the columns ``label`` and ``score``.
    n
        How many.
    seed
        The same seed gives the same rows.
    allocation
        See :func:`allocate`.

    Raises
    ------
    UserError
        There are no scores, or `n` is too small.
    """
    size, total = np.zeros(_STRATA, dtype=np.int64), np.zeros(_STRATA)
    for score, number in _numbered(catalogue):
        size += np.bincount(number, minlength=_STRATA)
        total += np.bincount(number, weights=score, minlength=_STRATA)
    used = np.flatnonzero(size)
    if not used.size:
        raise UserError("there are no scores to draw from")
    count = allocate(size[used], total[used] / size[used], n, allocation=allocation)
    random = np.random.default_rng([seed, 15])
    turns = [random.choice(size[h], k, replace=False) for h, k in zip(used, count, strict=True)]
    rows = [np.empty(k, dtype=np.int64) for k in count]
    seen, before = np.zeros(_STRATA, dtype=np.int64), 0
    for score, number in _numbered(catalogue):
        for place, h in enumerate(used):
            among = np.flatnonzero(number == h)
            here = (turns[place] >= seen[h]) & (turns[place] < seen[h] + among.size)
            rows[place][here] = before + among[turns[place][here] - seen[h]]
            seen[h] += among.size
        before += score.size
    order = random.permutation(int(count.sum()))
    return Drawn(
        rows=np.concatenate(rows)[order],
        stratum=np.repeat(np.arange(used.size), count)[order],
        names=tuple(_name(number) for number in used.tolist()),
        size=size[used],
        count=count,
    )


def draw(catalogue: Catalogue, n: int, *, seed: int, allocation: Allocation = "optimal") -> pa.Table:
    """Draw spectra to be labelled (see :func:`draw_rows`).

    Returns
    -------
    pyarrow.Table
        In random order, the columns of :data:`COLUMNS`: ``weight`` is the number of spectra of the catalogue
        that each stands for, ``label`` is empty.

    Raises
    ------
    UserError
        There are no scores, or `n` is too small.
    """
    drawn = draw_rows(catalogue, n, seed=seed, allocation=allocation)
    chosen, size = catalogue.take(drawn.rows), drawn.size[drawn.stratum]
    return pa.table(
        {
            "id": [_stem(file or did) for file, did in zip(*_names(chosen), strict=True)],
            "publisher_did": chosen["publisher_did"],
            "file": chosen["file"],
            "score": chosen["score"],
            "predicted": chosen["label"],
            "stratum": [drawn.names[h] for h in drawn.stratum.tolist()],
            "stratum_size": size,
            "weight": size / drawn.count[drawn.stratum],
            "label": pa.array([""] * len(chosen), pa.string()),
        }
    )


_STRATA: Final = 2 * (len(SCORE_EDGES) + 1)


def _numbered(catalogue: Catalogue) -> Iterator[tuple[FloatArray, IntArray]]:
    """Go through the scores and the numbers of their strata."""
    for batch in catalogue.batches(("label", "score")):
        score = batch["score"].to_numpy(zero_copy_only=False).astype(np.float64)
        predicted = pc.not_equal(batch["label"], LABELS[ABSORPTION]).to_numpy(zero_copy_only=False)
        yield score, _number(score, predicted)


def _names(chosen: pa.Table) -> tuple[list[str | None], list[str]]:
    return chosen["file"].to_pylist(), chosen["publisher_did"].to_pylist()


def _stem(source: str) -> str:
    """Give the name by which labels are matched to files, in the letters of the file."""
    return source.rpartition("/")[2][: len(short_name(source))]


COLUMNS: Final = (
    "id", "publisher_did", "file", "score", "predicted", "stratum", "stratum_size", "weight", "label"
)  # fmt: skip
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
    """Read a sample in which people filled the column ``label``, or an export of an audit queue.

    A cell of the column ``profile``, where there is one, goes before that of ``label``; both have the words
    of :func:`~vo_emline.labels.parse_profile`, and :data:`~vo_emline.labels.PROFILES` says which are emission
    of the star. Spectra without a label, or of which nobody could tell, count as not drawn: those of their
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
    labels = [_profile(path, line, row.get("profile") or row["label"]) for line, row in rows]
    designs: dict[str, tuple[int, bool]] = {}
    counts: dict[str, list[int]] = {}
    unknown = 0
    for (line, row), label in zip(rows, labels, strict=True):
        design = (_size(path, line, row["stratum_size"]), row["predicted"] != LABELS[ABSORPTION])
        if designs.setdefault(row["stratum"], design) != design:
            raise UserError(f"{path}, line {line}: stratum {row['stratum']} has two sizes or classes")
        count = counts.setdefault(row["stratum"], [0, 0])
        emission = _emission(row, label)
        count[0] += emission is not None
        count[1] += emission is True
        unknown += bool(label) and emission is None
    return LabelledSample(
        strata=tuple(
            Stratum(name=name, size=size, positive=positive, labelled=counts[name][0], hits=counts[name][1])
            for name, (size, positive) in sorted(designs.items())
        ),
        blank=labels.count(""),
        unknown=unknown,
    )


def _emission(row: Mapping[str, Any], profile: str) -> bool | None:
    """Tell whether it is emission of the star; people may agree on that and not on the profile."""
    if row.get("is_emission") in ("0", "1"):
        return bool(row["is_emission"] == "1")
    return BY_PROFILE[profile].emission if profile else None


def _profile(path: Path, line: int, text: str | None) -> str:
    if not (text or "").strip():
        return ""
    profile = parse_profile(text or "")
    if profile is None:
        words = ", ".join((*BY_PROFILE, UNKNOWN))
        raise UserError(f"{path}, line {line}: label {text!r} is none of {words} or 0-3")
    return profile


def _size(path: Path, line: int, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UserError(f"{path}, line {line}: stratum_size {text!r} is no number") from None
