"""Drawing queues from a catalogue: an audit sample, what is worth looking at, or what somebody names."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa

from vo_emline.arrays import FloatArray, IntArray
from vo_emline.candidates.classified import Classified
from vo_emline.errors import UserError
from vo_emline.evaluate.audit import Allocation, draw
from vo_emline.labelling import pool
from vo_emline.labelling.agreement import CANNOT_TELL
from vo_emline.labelling.log import Label, queue_name
from vo_emline.labelling.queues import Queue, QueueItem, Queues
from vo_emline.labelling.strategies import (
    POOL,
    Choice,
    Measure,
    blend,
    disagreement,
    random_positives,
    surprising,
    uncertain,
    unlike_training,
)

Kind = Literal[
    "audit", "uncertain", "surprising", "unlike-training", "random-positives", "mixed", "disagreement", "list"
]

KINDS: Final[Mapping[Kind, str]] = {
    "audit": "a random sample, stratified by score and class, negatives included: the only kind that "
    "estimates the quality of the catalogue",
    "uncertain": "where the classes are about as probable",
    "surprising": "where the label is at odds with the simple check, or with another spectrum of the star",
    "unlike-training": "lines that the network was shown nothing like",
    "random-positives": "what was called emission, at random",
    "mixed": "surprising, uncertain and unlike-training in one: what to learn from",
    "disagreement": "what people have called by different names",
    "list": "spectra that are named",
}
"""Kinds of queues."""

LEAST_POOL: Final = 2000
"""Of so many spectra at least a strategy chooses."""

Features = Callable[[pa.Table], FloatArray | None]
"""From some spectra (:data:`~vo_emline.candidates.classified.DETAILS`) to what a network sees of them, shape
(n, k), so that a batch is of unlike spectra; None where that cannot be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How a queue is made."""

    kind: Kind
    size: int = 100
    """Spectra in it; fewer where fewer fit. Of a list and of a disagreement, the first so many."""
    seed: int = 0
    """The same seed, catalogue and labels give the same queue."""
    overlap: int = 1
    """How many people are to see each spectrum."""
    allocation: Allocation = "optimal"
    """Of an audit: see :func:`vo_emline.evaluate.audit.allocate`."""
    measure: Measure = "entropy"
    """Of uncertainty."""
    names: Sequence[str] = ()
    """Of a list: publisher DIDs, identifiers of candidates, or files."""
    labels: Sequence[Label] = ()
    """Labels that stand: what has one is not asked for again, but in an audit, a list or a disagreement."""
    features: Features | None = None
    """What makes batches diverse; None where spectra are taken one by one."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What else is to be kept with the queue, for instance the query that gave the names."""


def make_queue(queues: Queues, catalogue: Classified, name: str, making: Making) -> Queue:
    """Draw a queue from a catalogue and keep it.

    Parameters
    ----------
    queues
        Where it is kept.
    catalogue
        What it is drawn from.
    name
        Its name.
    making
        How.

    Raises
    ------
    UserError
        The name is taken or cannot be one, nothing fits, or an audit is too small for its strata.
    """
    queue_name(name)
    if making.size < 1:
        raise UserError(f"a queue of {making.size} spectra is none")
    items, facts = _DRAWN.get(making.kind, _chosen)(catalogue, making)
    parameters = {"size": making.size, "model_version": catalogue.model_version} | facts
    queue = Queue(
        name=name,
        kind=making.kind,
        seed=making.seed,
        source=catalogue.name,
        overlap=making.overlap,
        parameters=parameters | dict(making.parameters),
    )
    return queues.add(queue, items)


_Drawn = tuple[list[QueueItem], dict[str, Any]]


def _audited(catalogue: Classified, making: Making) -> _Drawn:
    """Draw the sample that ``vo-emline audit draw`` would draw with this seed."""
    sample = draw(catalogue, making.size, seed=making.seed, allocation=making.allocation)
    items = [
        QueueItem(
            publisher_did=row["publisher_did"], file=row["file"] or "", reason="audit",
            stratum=row["stratum"], stratum_size=row["stratum_size"], weight=row["weight"],
            predicted=row["predicted"], score=row["score"],
        )
        for row in sample.to_pylist()
    ]  # fmt: skip
    return items, {"allocation": making.allocation}


def _listed(catalogue: Classified, making: Making) -> _Drawn:
    found, missing = catalogue.find(making.names)
    if not len(found):
        raise UserError(
            f"{catalogue.name} has none of the {len(making.names)} spectra named"
            + (f", such as {missing[0]}" if missing else "")
        )
    rows = np.arange(min(len(found), making.size))
    choice = Choice(rows=rows, reasons=("list",) * len(rows))
    return _items(found, choice), {"named": len(making.names), "missing": len(missing)}


def _disputed(catalogue: Classified, making: Making) -> _Drawn:
    able = [label for label in making.labels if label.profile != CANNOT_TELL]
    dids = list(dict.fromkeys(label.publisher_did for label in able))
    found, _ = catalogue.find(dids)
    place = {did: row for row, did in enumerate(found["publisher_did"].to_pylist())}
    known = [label for label in able if label.publisher_did in place]
    spectrum = np.array([place[label.publisher_did] for label in known], dtype=np.int64)
    choice = disagreement(spectrum, [label.profile for label in known], making.size)
    return _items(found, choice), {"labels": len(known)}


def _chosen(catalogue: Classified, making: Making) -> _Drawn:
    """Choose by what is worth most."""
    rows, star = _pool(catalogue, making)
    if not rows.size:
        return [], {}
    some = catalogue.take(rows, pool.COLUMNS)
    labelled = {label.publisher_did for label in making.labels}
    allowed = np.array([did not in labelled for did in some["publisher_did"].to_pylist()], dtype=bool)
    choice = _strategy(some, star, allowed, making)
    return _items(some, choice), {"measure": making.measure, "pool": len(rows)}


_DRAWN: Final[Mapping[str, Callable[[Classified, Making], _Drawn]]] = {
    "audit": _audited, "list": _listed, "disagreement": _disputed
}  # fmt: skip


def _pool(catalogue: Classified, making: Making) -> tuple[IntArray, IntArray]:
    """Give the rows to choose from, and the number of the star of each where its spectra are at odds."""
    doubt = {"uncertain": pool.by_entropy if making.measure == "entropy" else pool.by_margin}
    odd = {"line": pool.by_line_without_label, "label": pool.by_label_without_line}
    strange = {"strange": pool.by_strangeness}
    worths: Mapping[str, Mapping[str, pool.Worth]] = {
        "uncertain": doubt, "surprising": odd, "unlike-training": strange,
        "random-positives": {"chance": pool.by_chance}, "mixed": doubt | odd | strange,
    }  # fmt: skip
    most = max(LEAST_POOL, POOL * making.size) + len(making.labels)
    rows = pool.gather(catalogue, worths[making.kind], most=most, seed=making.seed)
    if making.kind not in ("surprising", "mixed"):
        return rows, np.arange(len(rows))
    divided = catalogue.divided_stars(most, seed=making.seed)
    number = dict(zip(divided["row"].to_pylist(), divided["star"].to_pylist(), strict=True))
    rows = np.union1d(rows, divided["row"].to_numpy()).astype(np.int64)
    return rows, np.array([number.get(row, -1 - row) for row in rows.tolist()], dtype=np.int64)


def _strategy(some: pa.Table, star: IntArray, allowed: Any, making: Making) -> Choice:
    n, seed = making.size, making.seed
    kinds = ["surprising", "uncertain", "unlike-training"] if making.kind == "mixed" else [making.kind]
    choices: dict[str, Choice] = {}
    for kind in kinds:
        if kind == "random-positives":
            choice = random_positives(pool.positive(some), n, seed=seed, allowed=allowed)
        elif kind == "surprising":
            score = some["score"].to_numpy(zero_copy_only=False).astype(np.float64)
            choice = surprising(
                pool.positive(some), n, seed=seed, strength=pool.strength(some), star=star, score=score,
                allowed=allowed,
            )  # fmt: skip
        elif kind == "unlike-training":
            strange = pool.flagged(some, *pool.STRANGE).astype(np.float64)
            choice = unlike_training(strange, n, seed=seed, allowed=allowed)
        else:
            choice = _uncertain(some, allowed, making)
        choices[kind.replace("-", "_")] = choice
    return blend(choices, n) if making.kind == "mixed" else choice


def _uncertain(some: pa.Table, allowed: Any, making: Making) -> Choice:
    """Choose the least certain, and of these such as are unlike each other where features are known."""
    chances = pool.probabilities(some)
    first = uncertain(chances, POOL * making.size, seed=making.seed, measure=making.measure, allowed=allowed)
    features = making.features(some.take(pa.array(first.rows))) if making.features else None
    if features is None:
        return first.first(making.size)
    picked = uncertain(
        chances[first.rows], making.size, seed=making.seed, measure=making.measure, features=features
    )
    return Choice(rows=first.rows[picked.rows], reasons=picked.reasons)


def _items(found: pa.Table, choice: Choice) -> list[QueueItem]:
    rows = found.take(pa.array(choice.rows)).to_pylist()
    return [
        QueueItem(publisher_did=row["publisher_did"], file=row["file"] or "", reason=reason,
                  predicted=row["label"], score=row["score"])
        for row, reason in zip(rows, choice.reasons, strict=True)
    ]  # fmt: skip


def next_name(kind: str, taken: Collection[str]) -> str:
    """Give a name for a queue of this kind that is not taken: ``audit-1``, then ``audit-2``."""
    used = [int(found[1]) for name in taken if (found := re.fullmatch(rf"{kind}-(\d+)", name))]
    return f"{kind}-{max(used, default=0) + 1}"
