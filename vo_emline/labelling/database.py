"""The SQLite file of labels: its tables, and connections that survive threads, forks and a kill.

One file in WAL mode with ``synchronous=FULL``: what a call has returned from is on the disk, what it has not
is not there at all. The log is append-only by triggers, and what queues know of it (how many have labelled a
spectrum, who holds it) follows by triggers in the same transaction.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vo_emline.errors import UserError

LEASE_S: Final = 900
"""Seconds for which a spectrum that was handed out is kept from others."""

VERSION: Final = 1
_BUSY_S: Final = 30.0

_SCHEMA: Final = f"""
CREATE TABLE labels (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    label_id TEXT NOT NULL UNIQUE,
    queue TEXT NOT NULL, publisher_did TEXT NOT NULL, labeller TEXT NOT NULL, profile TEXT NOT NULL,
    quality INTEGER NOT NULL, comment TEXT NOT NULL, labelled_at TEXT NOT NULL, seconds REAL NOT NULL,
    blind INTEGER NOT NULL, view TEXT NOT NULL, model_version TEXT NOT NULL, predicted TEXT NOT NULL,
    undoes TEXT NOT NULL, received_at TEXT NOT NULL
);
CREATE INDEX labels_spectrum ON labels (publisher_did, labeller);
CREATE INDEX labels_queue ON labels (queue, publisher_did, labeller);
CREATE INDEX labels_undoes ON labels (undoes) WHERE undoes <> '';
CREATE TRIGGER labels_are_kept BEFORE UPDATE ON labels BEGIN SELECT raise(ABORT, 'labels are kept'); END;
CREATE TRIGGER labels_stay BEFORE DELETE ON labels BEGIN SELECT raise(ABORT, 'labels are kept'); END;
CREATE VIEW standing AS SELECT * FROM labels AS given WHERE profile <> '' AND NOT EXISTS (
    SELECT 1 FROM labels AS undo
    WHERE undo.undoes <> '' AND undo.undoes = given.label_id AND undo.labeller = given.labeller
);
CREATE TABLE queues (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, seed INTEGER NOT NULL, source TEXT NOT NULL,
    created TEXT NOT NULL, overlap INTEGER NOT NULL, size INTEGER NOT NULL, parameters TEXT NOT NULL
);
CREATE TABLE items (
    queue TEXT NOT NULL REFERENCES queues ON DELETE CASCADE,
    position INTEGER NOT NULL, publisher_did TEXT NOT NULL, file TEXT NOT NULL, reason TEXT NOT NULL,
    stratum TEXT NOT NULL, stratum_size INTEGER NOT NULL, weight REAL NOT NULL,
    predicted TEXT NOT NULL, score REAL,
    labellers INTEGER NOT NULL DEFAULT 0, open INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (queue, publisher_did)
) WITHOUT ROWID;
CREATE UNIQUE INDEX items_position ON items (queue, position);
CREATE INDEX items_open ON items (queue, open, position);
CREATE TABLE claims (
    queue TEXT NOT NULL REFERENCES queues ON DELETE CASCADE,
    publisher_did TEXT NOT NULL, labeller TEXT NOT NULL, until REAL NOT NULL,
    PRIMARY KEY (queue, publisher_did, labeller)
) WITHOUT ROWID;
CREATE INDEX claims_labeller ON claims (queue, labeller);
CREATE TABLE skips (
    queue TEXT NOT NULL REFERENCES queues ON DELETE CASCADE,
    publisher_did TEXT NOT NULL, labeller TEXT NOT NULL, turn INTEGER NOT NULL,
    PRIMARY KEY (queue, publisher_did, labeller)
) WITHOUT ROWID;
CREATE TRIGGER labels_settle AFTER INSERT ON labels WHEN new.queue <> '' BEGIN
    UPDATE items SET labellers = (
        SELECT count(DISTINCT labeller) FROM standing
        WHERE queue = new.queue AND publisher_did = new.publisher_did
    ) WHERE queue = new.queue AND publisher_did = new.publisher_did;
    UPDATE items SET open = labellers < (SELECT overlap FROM queues WHERE name = new.queue)
    WHERE queue = new.queue AND publisher_did = new.publisher_did;
    DELETE FROM claims
    WHERE queue = new.queue AND publisher_did = new.publisher_did AND labeller = new.labeller;
    INSERT INTO claims SELECT queue, publisher_did, new.labeller, strftime('%s', 'now') + {LEASE_S} FROM items
    WHERE new.profile = '' AND queue = new.queue AND publisher_did = new.publisher_did;
END;
PRAGMA user_version = {VERSION};
"""  # noqa: S608 - our own texts
"""Whoever takes a label back holds its spectrum again: nobody else gets it while they look once more."""


class Database:
    """One SQLite file, used by any number of threads and processes.

    Parameters
    ----------
    path
        The file; it is made, with its folder, where there is none.

    Raises
    ------
    UserError
        The file is none of ours, of a later version, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._open: tuple[int, sqlite3.Connection] | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock:
                self._prepare(self._connection())
        except (OSError, sqlite3.DatabaseError) as error:
            raise UserError(f"{path} cannot be used as a file of labels: {error}") from error

    def __del__(self) -> None:
        """Close the file when nobody has it any more."""
        if hasattr(self, "_open"):
            self.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for queries that see one state of the file."""
        yield from self._transaction("BEGIN")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for changes that happen wholly, on the disk when the block ends, or not at all.

        Others who want to write wait.
        """
        yield from self._transaction("BEGIN IMMEDIATE")

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._open is not None and self._open[0] == os.getpid():
                self._open[1].close()
            self._open = None

    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            connection = self._connection()
            connection.execute(begin)
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        """Give this process's connection: one must not be carried over a fork."""
        if self._open is None or self._open[0] != os.getpid():
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            try:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
            except sqlite3.Error:
                connection.close()
                raise
            self._open = (os.getpid(), connection)
        return self._open[1]

    def _prepare(self, connection: sqlite3.Connection) -> None:
        deadline = time.monotonic() + _BUSY_S
        while (version := self._version(connection)) != VERSION:
            if version > VERSION:
                raise UserError(f"{self.path} is of a later version of the program; use that one")
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
            except sqlite3.OperationalError:
                # another process makes the same file at this moment
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _version(self, connection: sqlite3.Connection) -> int:
        """Give the version of the file; 0 for a new one."""
        sql = "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
        version, things = connection.execute(sql).fetchone()
        if things and not version:
            raise UserError(f"{self.path} is a database, but none of labels; give another name")
        return int(version)
