"""Who was invited to label: people, their invitations and sessions, of which only digests are kept.

Invitations and sessions are random numbers of 256 bits, so a plain digest (SHA-256) hides them: there is
nothing to guess, and who reads the file, or a copy of it, can enter nowhere.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from vo_emline.errors import UserError

FILE: Final = "people.sqlite"
"""Name of the file in the folder of the labels."""

INVITED_DAYS: Final = 14
"""How long an invitation may be accepted."""

SESSION_DAYS: Final = 180
"""How long a browser that accepted it stays known."""

DAY_S: Final = 86_400

_LONGEST_NAME: Final = 80

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS invitations (
    invitation_id TEXT PRIMARY KEY, digest TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL,
    created REAL NOT NULL, expires REAL NOT NULL, revoked INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS sessions (
    digest TEXT PRIMARY KEY, invitation_id TEXT NOT NULL REFERENCES invitations, created REAL NOT NULL,
    expires REAL NOT NULL
);
"""


class Role(StrEnum):
    """What a person may do; readers, who may do nothing here, have none."""

    LABELLER = "labeller"
    """Label, and take along one's own labels."""
    OWNER = "owner"
    """Also make and remove queues, and take along the labels of everybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may label."""

    name: str
    role: Role

    @property
    def owns(self) -> bool:
        """Whether they may make queues and see the labels of everybody."""
        return self.role is Role.OWNER


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What is kept of an invitation."""

    invitation_id: str
    name: str
    role: Role
    created: float
    """Seconds since 1970, as the other times."""
    expires: float
    revoked: bool
    sessions: int
    """Browsers that accepted it and are still known."""


class People:
    """Invitations and sessions in one SQLite file; safe to use from several threads and processes.

    Parameters
    ----------
    path
        The file; made, for its owner only, where it does not exist.

    Raises
    ------
    UserError
        The file is none of ours, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._database = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            self._database.row_factory = sqlite3.Row
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.executescript(_SCHEMA)
        except (OSError, sqlite3.DatabaseError) as error:
            raise UserError(f"{path} cannot be used as the file of people who label: {error}") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def invite(self, name: str, role: Role, *, days: float = INVITED_DAYS) -> tuple[str, str]:
        """Invite a person, who may accept in several browsers until the invitation expires.

        Returns
        -------
        tuple
            Identifier of the invitation, which is no secret, and the secret, which is kept nowhere.

        Raises
        ------
        UserError
            The name cannot be one.
        """
        if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
            raise UserError(f"{name!r} cannot be the name of a labeller: up to {_LONGEST_NAME} characters")
        invitation_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        now = time.time()
        with self._transaction() as database:
            database.execute(
                "INSERT INTO invitations VALUES (?, ?, ?, ?, ?, ?, 0)",
                [invitation_id, _digest(secret), name.strip(), role.value, now, now + days * DAY_S],
            )
        return invitation_id, secret

    def is_open(self, invitation_id: str) -> bool:
        """Tell whether an invitation may be accepted now."""
        sql = f"SELECT 1 FROM invitations WHERE {_OPEN}"  # noqa: S608 - a text of ours
        return bool(self._rows(sql, invitation_id, time.time()))

    def accept(self, invitation_id: str, secret: str) -> str | None:
        """Begin a session: give its secret, or None where invitation and secret are not a valid pair."""
        session, now = secrets.token_urlsafe(32), time.time()
        with self._transaction() as database:
            found = database.execute(
                f"SELECT digest FROM invitations WHERE {_OPEN}",  # noqa: S608 - a text of ours
                [invitation_id, now],
            ).fetchone()
            if found is None or not secrets.compare_digest(found["digest"], _digest(secret)):
                return None
            database.execute("DELETE FROM sessions WHERE expires <= ?", [now])
            database.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?)",
                [_digest(session), invitation_id, now, now + SESSION_DAYS * DAY_S],
            )
        return session

    def who(self, session: str) -> Person | None:
        """Give the person a session belongs to; None where it is unknown, expired or revoked."""
        found = self._rows(
            "SELECT name, role FROM sessions JOIN invitations USING (invitation_id) "
            "WHERE sessions.digest = ? AND sessions.expires > ? AND NOT revoked",
            _digest(session), time.time(),
        )  # fmt: skip
        return Person(name=found[0]["name"], role=Role(found[0]["role"])) if found else None

    def leave(self, session: str) -> None:
        """End a session."""
        with self._transaction() as database:
            database.execute("DELETE FROM sessions WHERE digest = ?", [_digest(session)])

    def revoke(self, name: str) -> int:
        """End all sessions of a person and withdraw their invitations; give how many invitations there were.

        What the person has labelled stays.
        """
        with self._transaction() as database:
            database.execute(
                "DELETE FROM sessions WHERE invitation_id IN "
                "(SELECT invitation_id FROM invitations WHERE name = ?)", [name]
            )  # fmt: skip
            changed = database.execute(
                "UPDATE invitations SET revoked = 1 WHERE name = ? AND NOT revoked", [name]
            )
            return changed.rowcount

    def invitations(self) -> list[Invitation]:
        """Give all invitations that were ever made, the oldest first."""
        rows = self._rows(
            "SELECT invitation_id, name, role, created, expires, revoked, "
            "(SELECT count(*) FROM sessions AS s WHERE s.invitation_id = i.invitation_id AND s.expires > ?) "
            "AS sessions FROM invitations AS i ORDER BY created", time.time()
        )  # fmt: skip
        return [
            Invitation(**{**dict(row), "role": Role(row["role"]), "revoked": bool(row["revoked"])})
            for row in rows
        ]

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock:
            return self._database.execute(sql, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


_OPEN: Final = "invitation_id = ? AND expires > ? AND NOT revoked"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
