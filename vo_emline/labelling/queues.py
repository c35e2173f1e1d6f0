"""Queues: what is to be labelled, in which order, by how many, and who has which spectrum in hand.

A queue is drawn once (:func:`vo_emline.labelling.making.make_queue`) and kept with the seed and everything
else it was made of. Spectra are handed out in its order, each to as many people as the queue wants; what is
handed out is held for a quarter of an hour, and longer as its holder asks again.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from vo_emline.errors import UserError
from vo_emline.labelling.database import LEASE_S, Database
from vo_emline.labelling.log import LabelLog, now, queue_name

AT_ONCE: Final = 200
"""Spectra that one person may hold of one queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueItem:
    """One spectrum of a queue."""

    publisher_did: str
    position: int = 0
    """Place in the queue, from 0; the queue says so."""
    file: str = ""
    """Its file, where it is known."""
    reason: str = ""
    """Why it is in the queue."""
    stratum: str = ""
    """Stratum of a stratified sample; empty in other queues."""
    stratum_size: int = 0
    """Spectra of the catalogue in that stratum."""
    weight: float = 1.0
    """Spectra of the catalogue that it stands for."""
    predicted: str = ""
    """Class that the catalogue gives."""
    score: float | None = None
    """Probability of emission that the catalogue gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """What a queue is, and what it was made of."""

    name: str
    kind: str
    """``audit``, ``uncertain``, ``list``, …"""
    seed: int = 0
    source: str = ""
    """Release, survey or run that it was drawn from."""
    overlap: int = 1
    """How many people are to see each spectrum."""
    size: int = 0
    """Spectra in it; the queue says so."""
    created: str = ""
    """UTC, ISO 8601; the queue says so."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """What else it was made with, JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a queue is."""

    size: int
    labelled: int
    """Spectra that as many have labelled as the queue wants."""
    started: int
    """Spectra with at least one label."""
    mine: int
    """Spectra that the person asking has labelled; 0 where none asks."""
    held: int
    """Spectra in others' hands."""
    as_of: int
    """Place in the log of the last label that is counted: what was told later has a greater one."""


class Queues:
    """The queues beside a log of labels, in the same file.

    Parameters
    ----------
    log
        The log whose labels they follow.
    """

    def __init__(self, log: LabelLog) -> None:
        self._database: Database = log.database

    def add(self, queue: Queue, items: Iterable[QueueItem]) -> Queue:
        """Keep a new queue; its items get their positions in the order given.

        Raises
        ------
        UserError
            There is one of this name, it has no items, or a spectrum twice.
        """
        queue_name(queue.name)
        rows = list(items)
        if not rows:
            raise UserError(f"queue {queue.name} would be empty: nothing fits")
        if not 1 <= queue.overlap <= 100:
            raise UserError(f"{queue.overlap} people cannot see each spectrum; 1 to 100 can")
        with self._database.writing() as connection:
            if _find(connection, queue.name) is not None:
                raise UserError(f"there is a queue {queue.name} already; give another name")
            connection.execute(
                "INSERT INTO queues VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [queue.name, queue.kind, queue.seed, queue.source, now(), queue.overlap, len(rows),
                 json.dumps(queue.parameters, sort_keys=True)],
            )  # fmt: skip
            try:
                connection.executemany(
                    "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 1)",
                    ((queue.name, position, item.publisher_did, item.file, item.reason, item.stratum,
                      item.stratum_size, item.weight, item.predicted, item.score)
                     for position, item in enumerate(rows)),
                )  # fmt: skip
            except sqlite3.IntegrityError as error:
                raise UserError(f"queue {queue.name} would have a spectrum twice: {error}") from error
        return self.get(queue.name)

    def all(self) -> list[Queue]:
        """Give all queues, the oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM queues ORDER BY created, name").fetchall()
        return [_queue(row) for row in rows]

    def get(self, name: str) -> Queue:
        """Give a queue.

        Raises
        ------
        UserError
            There is none of this name.
        """
        with self._database.reading() as connection:
            return _queue(_required(connection, name))

    def items(self, name: str) -> list[QueueItem]:
        """Give what is in a queue, in its order.

        Raises
        ------
        UserError
            There is none of this name.
        """
        with self._database.reading() as connection:
            _required(connection, name)
            rows = connection.execute("SELECT * FROM items WHERE queue = ? ORDER BY position", [name])
            return [_item(row) for row in rows]

    def claim(self, name: str, labeller: str, n: int = 20, *, at: float | None = None) -> list[QueueItem]:
        """Hand out the next spectra: those that this person holds, and more up to `n`.

        Nobody else gets them for :data:`~vo_emline.labelling.database.LEASE_S` seconds from the last time
        that this person asked, unless the queue wants several people to see each.

        Parameters
        ----------
        name
            The queue.
        labeller
            Who asks.
        n
            How many, at most :data:`AT_ONCE`.
        at
            The time, s since 1970; None for now.

        Returns
        -------
        list
            In the order of the queue, those that this person skipped last. Fewer than `n`, or none, where
            the others are labelled or in other hands.

        Raises
        ------
        UserError
            There is no such queue.
        """
        moment = time.time() if at is None else at
        who: dict[str, Any] = {"queue": name, "me": labeller, "now": moment}
        left = max(0, min(n, AT_ONCE))
        rows: list[sqlite3.Row] = []
        with self._database.writing() as connection:
            who["overlap"] = _required(connection, name)["overlap"]
            connection.execute("DELETE FROM claims WHERE queue = :queue AND until <= :now", who)
            for sql in (_HELD, _FRESH, _SKIPPED):
                rows += connection.execute(sql, who | {"n": left - len(rows)}).fetchall()
            connection.executemany(
                "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)",
                [(name, row["publisher_did"], labeller, moment + LEASE_S) for row in rows],
            )
        return [_item(row) for row in rows]

    def skip(self, name: str, labeller: str, publisher_did: str) -> None:
        """Put a spectrum behind all others for this person, and let others have it.

        Raises
        ------
        UserError
            There is no such queue.
        """
        who = {"queue": name, "me": labeller, "did": publisher_did}
        with self._database.writing() as connection:
            _required(connection, name)
            connection.execute(
                "INSERT OR REPLACE INTO skips SELECT queue, publisher_did, :me, "
                "(SELECT coalesce(max(turn), 0) + 1 FROM skips WHERE queue = :queue AND labeller = :me) "
                "FROM items WHERE queue = :queue AND publisher_did = :did", who
            )  # fmt: skip
            connection.execute(
                "DELETE FROM claims WHERE queue = :queue AND publisher_did = :did AND labeller = :me", who
            )

    def release(self, name: str, labeller: str) -> None:
        """Let others have what this person holds of a queue."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM claims WHERE queue = ? AND labeller = ?", [name, labeller])

    def remove(self, name: str) -> None:
        """Forget a queue; the labels that were given in it stay.

        Raises
        ------
        UserError
            There is no such queue.
        """
        with self._database.writing() as connection:
            _required(connection, name)
            connection.execute("DELETE FROM queues WHERE name = ?", [name])

    def progress(self, name: str, labeller: str = "", *, at: float | None = None) -> Progress:
        """Say how far a queue is, for all and for one person.

        Raises
        ------
        UserError
            There is no such queue.
        """
        who = {"queue": name, "me": labeller, "now": time.time() if at is None else at}
        with self._database.reading() as connection:
            size = _required(connection, name)["size"]
            counted = connection.execute(_PROGRESS, who).fetchone()
        return Progress(size=size, **{key: counted[key] or 0 for key in counted.keys()})  # noqa: SIM118


_HELD: Final = """
SELECT items.* FROM claims JOIN items USING (queue, publisher_did)
WHERE queue = :queue AND labeller = :me AND open ORDER BY position LIMIT :n
"""

_FREE: Final = """
AND items.open = 1
AND NOT EXISTS (
    SELECT 1 FROM standing WHERE standing.queue = items.queue AND standing.labeller = :me
        AND standing.publisher_did = items.publisher_did
)
AND NOT EXISTS (
    SELECT 1 FROM claims WHERE claims.queue = items.queue AND claims.labeller = :me
        AND claims.publisher_did = items.publisher_did
)
AND items.labellers + (
    SELECT count(*) FROM claims
    WHERE claims.queue = items.queue AND claims.publisher_did = items.publisher_did
) < :overlap
"""

_FRESH: Final = f"""
SELECT * FROM items WHERE queue = :queue {_FREE} AND NOT EXISTS (
    SELECT 1 FROM skips WHERE skips.queue = items.queue AND skips.labeller = :me
        AND skips.publisher_did = items.publisher_did
)
ORDER BY position LIMIT :n
"""  # noqa: S608 - our own texts

_SKIPPED: Final = f"""
SELECT items.* FROM skips JOIN items USING (queue, publisher_did)
WHERE queue = :queue AND labeller = :me {_FREE} ORDER BY turn LIMIT :n
"""  # noqa: S608 - our own texts

_PROGRESS: Final = """
SELECT
    (SELECT count(*) FROM items WHERE queue = :queue AND NOT open) AS labelled,
    (SELECT count(*) FROM items WHERE queue = :queue AND labellers > 0) AS started,
    (SELECT count(DISTINCT publisher_did) FROM standing WHERE queue = :queue AND labeller = :me) AS mine,
    (SELECT count(DISTINCT publisher_did) FROM claims
     WHERE queue = :queue AND labeller <> :me AND until > :now) AS held,
    (SELECT max(sequence) FROM labels) AS as_of
"""


def _find(connection: sqlite3.Connection, name: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute("SELECT * FROM queues WHERE name = ?", [name]).fetchone()
    return row


def _required(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    row = _find(connection, name)
    if row is None:
        raise UserError(f"there is no queue {name!r}")
    return row


def _queue(row: sqlite3.Row) -> Queue:
    values = {key: row[key] for key in row.keys()}  # noqa: SIM118 - rows are no mappings
    return Queue(**values | {"parameters": json.loads(values["parameters"])})


_ITEM: Final = ("publisher_did", "position", "file", "reason", "stratum", "stratum_size", "weight",
                "predicted", "score")  # fmt: skip


def _item(row: sqlite3.Row) -> QueueItem:
    return QueueItem(**{name: row[name] for name in _ITEM})
