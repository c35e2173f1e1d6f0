"""Labels of people, and the log they are appended to: nothing in it is changed or removed, ever."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from vo_emline.errors import UserError
from vo_emline.labelling.database import Database
from vo_emline.labels import BY_PROFILE

QUALITIES: Final = {1: "guess", 2: "likely", 3: "sure"}
"""How sure a person is."""

_LONGEST: Final = {"comment": 2000, "publisher_did": 1000}
_LONG: Final = 200
_NAME: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z._-]*[0-9A-Za-z])?")
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def now() -> str:
    """Give the time, UTC, as labels have it."""
    return utc(datetime.now(UTC))


def utc(time: datetime) -> str:
    """Give a time as labels have it: ISO 8601, UTC, milliseconds, so that text sorts as time does."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What one person said of one spectrum, or that they take it back."""

    publisher_did: str
    """The spectrum, in whatever release."""
    labeller: str
    profile: str
    """Name of one of :data:`~vo_emline.labels.PROFILES`; empty for one that only undoes another."""
    label_id: str = ""
    """UUID made by whoever labels, so that a label sent twice is stored once; made here if empty."""
    queue: str = ""
    """Queue that it was asked for in; empty for a label given without one."""
    quality: int = 3
    """Key of :data:`QUALITIES`."""
    comment: str = ""
    labelled_at: str = ""
    """UTC, ISO 8601; the time now if empty."""
    seconds: float = 0.0
    """Time taken, s; 0 where unknown."""
    blind: bool = False
    """Whether the prediction was hidden until the label was given."""
    view: str = ""
    """What was looked at, for instance ``halpha``."""
    model_version: str = ""
    predicted: str = ""
    """Class that the model gave at that time."""
    undoes: str = ""
    """``label_id`` of the label of the same person that this one takes back; empty for none."""
    received_at: str = ""
    """When the log stored it, UTC, ISO 8601; the log says so."""

    def __post_init__(self) -> None:
        """Complete and check.

        Raises
        ------
        UserError
            A field makes no sense; the message names it.
        """
        put = object.__setattr__
        put(self, "label_id", (self.label_id or str(uuid4())).lower())
        put(self, "labelled_at", _time(self.labelled_at) if self.labelled_at else now())
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "str" and not (
                isinstance(value, str) and len(value) <= _LONGEST.get(field.name, _LONG)
            ):
                raise UserError(f"a label's {field.name} must be a text that is not too long")
        if not (_ID.fullmatch(self.label_id) and (not self.undoes or _ID.fullmatch(self.undoes))):
            raise UserError(f"label_id {self.label_id!r} and undoes {self.undoes!r} must be UUIDs")
        if not (self.publisher_did.strip() and self.labeller.strip()):
            raise UserError("a label needs a spectrum (publisher_did) and a labeller")
        if self.profile not in BY_PROFILE and not (self.undoes and not self.profile):
            raise UserError(f"profile {self.profile!r} is none of {', '.join(BY_PROFILE)}")
        if self.quality not in QUALITIES or isinstance(self.quality, bool):
            raise UserError(f"quality {self.quality!r} is none of 1 (guess), 2 (likely), 3 (sure)")
        if not (isinstance(self.seconds, int | float) and 0 <= self.seconds < 1e9):
            raise UserError(f"seconds {self.seconds!r} is no time that labelling takes")

    @classmethod
    def from_json(cls, given: Mapping[str, Any], **known: Any) -> Label:
        """Make a label of what a client sent.

        Parameters
        ----------
        given
            Fields by name.
        known
            Fields that the client has no say in, for instance ``labeller=…``.

        Raises
        ------
        UserError
            A field is unknown, missing or makes no sense.
        """
        if not isinstance(given, Mapping):
            raise UserError("a label must be an object")
        values = {**given, **known, "received_at": ""}
        names = {field.name for field in fields(cls)}
        if unknown := sorted(map(str, values.keys() - names)):
            raise UserError(f"labels have no field {', '.join(unknown)}")
        if missing := sorted({"publisher_did", "labeller", "profile"} - values.keys()):
            raise UserError(f"a label lacks {', '.join(missing)}")
        if not isinstance(values.get("blind", False), bool):
            raise UserError("blind must be true or false")
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Give the fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


FIELDS: Final = tuple(field.name for field in fields(Label))
_PLACES: Final = ", ".join("?" * len(FIELDS))


class LabelLog:
    """The log in an SQLite file.

    Parameters
    ----------
    path
        The file ``labels.sqlite``; it is made where there is none. Several processes may have it open.

    Raises
    ------
    UserError
        It is no such file, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.database = Database(path)

    def append(self, labels: Iterable[Label]) -> int:
        """Store labels, all or none; when this returns they are on the disk.

        Parameters
        ----------
        labels
            In the order given; those that are known already (by ``label_id``) change nothing.

        Returns
        -------
        int
            How many were new.

        Raises
        ------
        UserError
            One has the ``label_id`` of another that says something else, or undoes what is no label of the
            same person.
        """
        received = now()
        with self.database.writing() as connection:
            return sum(_store(connection, replace(label, received_at=received)) for label in labels)

    def labels(self, *, queue: str | None = None, labeller: str | None = None, since: int = 0) -> list[Label]:
        """Give what was logged, undone and undoing ones among it, in the order it came.

        Parameters
        ----------
        queue, labeller
            Only those of this queue, of this person.
        since
            Only those after this many of the whole log.
        """
        relation = f"(SELECT * FROM labels WHERE sequence > {int(since)})"  # noqa: S608 - a number
        return self._select(relation, {"queue": queue, "labeller": labeller})

    def current(
        self, queue: str | None = None, labeller: str | None = None, *, publisher_did: str | None = None
    ) -> list[Label]:
        """Give the latest label that stands, for every labeller and spectrum, in the order they were given.

        Parameters
        ----------
        queue
            Only labels given in this queue; None for all.
        labeller, publisher_did
            Only those of this person, of this spectrum.
        """
        # the condition is inside: a label of the queue counts where a later one is of another queue
        inside = "" if queue is None else "WHERE queue = :queue"
        relation = (
            "(SELECT *, row_number() OVER (PARTITION BY publisher_did, labeller "  # noqa: S608 - our own texts
            f"ORDER BY labelled_at DESC, sequence DESC) AS age FROM standing {inside})"
        )
        return self._select(
            relation, {"age": 1, "queue": queue, "labeller": labeller, "publisher_did": publisher_did}
        )

    def count(self) -> int:
        """Count what was logged."""
        with self.database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM labels").fetchone()[0])

    def _select(self, relation: str, wanted: Mapping[str, str | int | None]) -> list[Label]:
        given = {name: value for name, value in wanted.items() if value is not None}
        condition = " AND ".join(f"{name} = :{name}" for name in given) or "TRUE"
        sql = f"SELECT * FROM {relation} WHERE {condition} ORDER BY sequence"  # noqa: S608 - our own texts
        with self.database.reading() as connection:
            return [_label(row) for row in connection.execute(sql, given)]


def standing(labels: Iterable[Label]) -> list[Label]:
    """Give the latest label that stands, for every labeller and spectrum: :meth:`LabelLog.current`."""
    given = list(labels)
    undone = {(label.undoes, label.labeller) for label in given if label.undoes}
    latest: dict[tuple[str, str], Label] = {}
    for label in given:
        if label.profile and (label.label_id, label.labeller) not in undone:
            key = (label.publisher_did, label.labeller)
            if key not in latest or latest[key].labelled_at <= label.labelled_at:
                latest[key] = label
    return list(latest.values())


def queue_name(name: str) -> str:
    """Give the name of a queue if it may be one: letters, digits, dots, dashes and underscores.

    Raises
    ------
    UserError
        It may not.
    """
    if len(name) > 64 or not _NAME.fullmatch(name):
        raise UserError(
            f"{name!r} cannot name a queue: letters, digits, dots, dashes and underscores may, up to 64"
        )
    return name


def _time(text: str) -> str:
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise UserError(f"labelled_at {text!r} is no time (ISO 8601)") from None
    return utc(time if time.tzinfo else time.replace(tzinfo=UTC))


def _label(row: sqlite3.Row) -> Label:
    values: dict[str, Any] = {name: row[name] for name in FIELDS}
    return Label(**values | {"blind": bool(row["blind"])})


def _as_sent(label: Label) -> Label:
    """Leave out what a service adds, which may be something else when a label is sent again."""
    return replace(label, received_at="", predicted="", model_version="")


def _store(connection: sqlite3.Connection, label: Label) -> bool:
    """Store a label if it is new."""
    known = connection.execute("SELECT * FROM labels WHERE label_id = ?", [label.label_id]).fetchone()
    if known is not None:
        if _as_sent(_label(known)) != _as_sent(label):
            raise UserError(f"label_id {label.label_id} is that of another label; make a new one")
        return False
    if label.undoes:
        sql = "SELECT * FROM labels WHERE label_id = ?"
        undone = connection.execute(sql, [label.undoes]).fetchone()
        same = ("labeller", "publisher_did", "queue")
        if undone is None or any(undone[name] != getattr(label, name) for name in same):
            raise UserError(
                f"label {label.label_id} takes back what is no label of the same person, spectrum and queue"
            )
    values = [getattr(label, name) for name in FIELDS]
    connection.execute(f"INSERT INTO labels ({', '.join(FIELDS)}) VALUES ({_PLACES})", values)  # noqa: S608
    return True
