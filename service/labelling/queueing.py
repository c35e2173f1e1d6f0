"""Queues from the page: how one is asked for, drawn from the release that is served, judged and taken along.

All of it blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from service.errors import NotFoundError
from service.labelling.context import LabelServices
from service.labelling.people import Person
from service.scratch import Scratch
from service.store import is_database
from vo_emline.candidates.classified import open_release
from vo_emline.errors import UserError
from vo_emline.labelling import Label, Queue
from vo_emline.labelling.agreement import consensus
from vo_emline.labelling.estimates import Judged, report, strata_of
from vo_emline.labelling.exchange import agreed_rows, each_row, write_export
from vo_emline.labelling.making import KINDS, Kind, Making, make_queue, next_name
from vo_emline.labels import ABSORPTION, BY_PROFILE, LABELS

MOST: Final = 10_000
"""Spectra of a queue that is made from the page."""

EXPORTS: Final[Mapping[str, str]] = {"csv": "text/csv", "vot": "application/x-votable+xml"}
"""Formats in which labels are taken along, and their media types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A queue that somebody asks for."""

    name: str
    """Empty for one made of its kind and a number."""
    making: Making


def wanted_queue(given: Mapping[str, Any]) -> Wanted:
    """Read what queue is asked for.

    Parameters
    ----------
    given
        ``kind``, and where wanted ``name``, ``size`` (100), ``seed`` (1), ``overlap`` (1) and, of a list,
        ``names``: a list, or a text with a name on each line.

    Raises
    ------
    UserError
        A value makes no sense; the message names it.
    """
    kind = str(given.get("kind", ""))
    if kind not in KINDS:
        raise UserError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    names = given.get("names") or ()
    listed = names.split("\n") if isinstance(names, str) else list(map(str, names))
    chosen = [name.strip() for name in listed if name.strip()]
    if kind == "list" and not chosen:
        raise UserError("name the spectra of the list: identifiers, one on each line")
    making = Making(
        kind=cast("Kind", kind),
        size=_whole(given, "size", default=len(chosen) if kind == "list" else 100, most=MOST),
        seed=_whole(given, "seed", default=1, most=2**31, least=0),
        overlap=_whole(given, "overlap", default=1, most=100),
        names=chosen,
    )
    return Wanted(name=str(given.get("name") or "").strip(), making=making)


def make(context: LabelServices, wanted: Wanted) -> Queue:
    """Draw a queue from the release that is served. What is labelled is not asked for again.

    Raises
    ------
    UserError
        The name is taken or cannot be one, nothing fits, or the release is in a database.
    """
    if is_database(context.release):
        raise UserError("queues cannot be drawn from a database yet; draw them from the release file")
    name = wanted.name or next_name(wanted.making.kind, [queue.name for queue in context.queues.all()])
    making = wanted.making
    labelled = Making(
        kind=making.kind, size=making.size, seed=making.seed, overlap=making.overlap, names=making.names,
        labels=context.log.current(),
    )  # fmt: skip
    with open_release(Path(context.release)) as catalogue:
        return make_queue(context.queues, catalogue, name, labelled)


def known_queue(context: LabelServices, name: str) -> Queue:
    """Give a queue.

    Raises
    ------
    NotFoundError
        There is none of this name.
    """
    try:
        return context.queues.get(name)
    except UserError as error:
        raise NotFoundError(str(error)) from error


def report_of(context: LabelServices, name: str) -> dict[str, Any]:
    """Say what the labels of a queue tell so far (:func:`vo_emline.labelling.estimates.report`).

    Raises
    ------
    NotFoundError
        There is no such queue.
    """
    queue = known_queue(context, name)
    labels = context.log.current(queue=name)
    audit = queue.kind == "audit"  # other queues estimate nothing
    said = {each.publisher_did: each.emission for each in consensus(labels)} if audit else {}
    sample = [
        Judged(
            stratum=item.stratum,
            stratum_size=item.stratum_size,
            positive=item.predicted != LABELS[ABSORPTION],
            emission=said.get(item.publisher_did),
        )
        for item in (context.queues.items(name) if audit else ())
    ]
    contradicts = [word for word in map(_contradicts, labels) if word is not None]
    return report(strata=strata_of(sample), contradicts=contradicts)


def _contradicts(label: Label) -> bool | None:
    """Tell whether a label contradicts the network; None where either says nothing."""
    emission = BY_PROFILE[label.profile].emission
    if emission is None or not label.predicted:
        return None
    return emission != (label.predicted != LABELS[ABSORPTION])


def export(context: LabelServices, person: Person, *, queue: str, suffix: str, log: bool) -> bytes:
    """Write labels as a table.

    Parameters
    ----------
    context
        The labels.
    person
        Who takes them along: an owner those of everybody, others their own.
    queue
        Those of one queue; empty for all.
    suffix
        Key of :data:`EXPORTS`.
    log
        Whether to write every label as it was given, not what people say of each spectrum together.

    Raises
    ------
    UserError
        There is no such format.
    NotFoundError
        There is no such queue.
    """
    if suffix not in EXPORTS:
        raise UserError(f"format {suffix!r} is none of {', '.join(EXPORTS)}")
    if queue:
        known_queue(context, queue)
    labels = context.log.labels if log else context.log.current
    found = labels(queue=queue or None, labeller=None if person.owns else person.name)
    items = context.queues.items(queue) if queue else ()
    rows = each_row(found) if log else agreed_rows(found, items)
    with Scratch() as folder:
        path = folder.path / f"labels.{suffix}"
        write_export(path, rows)
        return path.read_bytes()


def _whole(given: Mapping[str, Any], name: str, *, default: int, most: int, least: int = 1) -> int:
    text = str(given.get(name) or default)
    if not (text.isascii() and text.isdigit() and len(text) < 12 and least <= int(text) <= most):
        raise UserError(f"{name} must be a whole number from {least} to {most}")
    return int(text)
