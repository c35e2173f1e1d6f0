"""What a job is (UWS 1.1, section 2), and the jobs on disk: one SQLite file, so that no crash loses a job."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from vo_models.uws.types import ExecutionPhase as Phase

from service.errors import NotFoundError
from vo_emline.errors import UserError

__all__ = ["ACTIVE", "REPEATABLE", "Job", "Pairs", "Phase", "now", "timestamp"]

ACTIVE: Final = (Phase.PENDING, Phase.QUEUED, Phase.EXECUTING)
"""Phases that may change by themselves or by RUN; blocking requests wait in these only."""

REPEATABLE: Final = ("UPLOAD",)
"""Parameters whose values add up when given again; of the others the last counts."""

Pairs = Sequence[tuple[str, str]]
"""Parameters in the order they came: upper-case name and value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job as the store holds it; all times UTC."""

    job_id: str
    phase: Phase
    run_id: str | None
    parameters: Pairs
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    duration: int
    """Time limit of the execution, s."""
    destruction: datetime
    """When the job and its result are destroyed."""
    error: str | None = None
    """Why it failed or was aborted."""
    media_type: str | None = None
    """Content type of the result."""
    size: int | None = None
    """Bytes of the result."""
    attempts: int = 0
    """How often its execution began."""
    owner: str = ""
    """Whom its limits count for: the network address it came from."""
    kept: int = 0
    """Bytes of its parameters and uploads."""


def now() -> datetime:
    """Give the present time, UTC, in whole milliseconds (what the store keeps)."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def timestamp(moment: datetime) -> str:
    """Write a time as DALI 1.1 (section 3.3.3) asks: UTC, with Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    job_id TEXT PRIMARY KEY,
    phase TEXT NOT NULL,
    run_id TEXT,
    parameters TEXT NOT NULL,
    created INTEGER NOT NULL,
    started INTEGER,
    ended INTEGER,
    duration INTEGER NOT NULL,
    destruction INTEGER NOT NULL,
    error TEXT,
    media_type TEXT,
    size INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    owner TEXT NOT NULL DEFAULT '',
    kept INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS jobs_owner ON jobs (owner);
CREATE INDEX IF NOT EXISTS jobs_phase ON jobs (phase, created);
CREATE INDEX IF NOT EXISTS jobs_destruction ON jobs (destruction);
"""
_ADDED: Final = {"owner": "TEXT NOT NULL DEFAULT ''", "kept": "INTEGER NOT NULL DEFAULT 0"}
"""Columns that files of older services lack."""
LOCK_SECONDS: Final = 5.0
"""How long another program may hold the file before a request that needs it is refused."""
_TIMES: Final = ("created", "started", "ended", "destruction")


class JobStore:
    """Jobs in one SQLite file; safe to use from several threads.

    Parameters
    ----------
    path
        The file; made where it does not exist.

    Raises
    ------
    UserError
        The file is damaged, or no job store.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._mutex = threading.Lock()
        self._database = sqlite3.connect(
            path, check_same_thread=False, isolation_level=None, timeout=LOCK_SECONDS
        )
        self._database.row_factory = sqlite3.Row
        try:
            self._prepare()
        except sqlite3.DatabaseError as error:
            self._database.close()
            raise UserError(
                f"{path} cannot be used ({error}); move it away to begin without the jobs it holds"
            ) from error

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        if (fault := self._database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(fault)
        there = {row["name"] for row in self._database.execute("PRAGMA table_info(jobs)")}
        for name, kind in _ADDED.items():
            if there and name not in there:
                self._database.execute(f"ALTER TABLE jobs ADD COLUMN {name} {kind}")
        self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock():
            self._database.close()

    def add(self, job: Job) -> None:
        """Keep a new job."""
        values = _encode({name: getattr(job, name) for name in Job.__slots__})
        marks = ", ".join("?" * len(values))
        self._write(f"INSERT INTO jobs ({', '.join(values)}) VALUES ({marks})", *values.values())  # noqa: S608

    def get(self, job_id: str) -> Job:
        """Give a job.

        Raises
        ------
        NotFoundError
            There is none with this identifier.
        """
        found = self._read("SELECT * FROM jobs WHERE job_id = ?", job_id)
        if not found:
            raise NotFoundError(f"there is no job {job_id[:80]}")
        return found[0]

    def change(self, job_id: str, *, among: Sequence[Phase], **values: Any) -> bool:
        """Change fields of a job if its phase is among `among`; tell whether it was."""
        encoded = _encode(values)
        assignments = ", ".join(f"{name} = ?" for name in encoded)
        marks = ", ".join("?" * len(among))
        sql = f"UPDATE jobs SET {assignments} WHERE job_id = ? AND phase IN ({marks})"  # noqa: S608
        return self._write(sql, *encoded.values(), job_id, *(phase.value for phase in among)) == 1

    def next_queued(self) -> Job | None:
        """Take the oldest queued job into execution; None where there is none."""
        found = self._read(
            "UPDATE jobs SET phase = 'EXECUTING', started = ?, attempts = attempts + 1 WHERE job_id = "
            "(SELECT job_id FROM jobs WHERE phase = 'QUEUED' ORDER BY created LIMIT 1) RETURNING *",
            _milliseconds(now()),
        )
        return found[0] if found else None

    def requeue(self) -> None:
        """Queue again what was executing when the service stopped."""
        self._write("UPDATE jobs SET phase = 'QUEUED', started = NULL WHERE phase = 'EXECUTING'")

    def hand_back(self) -> None:
        """Queue again what is executing while the service ends as it was told: no fault of these jobs."""
        self._write(
            "UPDATE jobs SET phase = 'QUEUED', started = NULL, attempts = attempts - 1 "
            "WHERE phase = 'EXECUTING'"
        )

    def newest(self, *, phases: Sequence[Phase] = (), after: datetime | None = None, last: int) -> list[Job]:
        """Give the `last` newest jobs of some phases, made after a time; without their parameters."""
        conditions, values = ["created > ?"], [_milliseconds(after) if after else -1]
        if phases:
            conditions.append(f"phase IN ({', '.join('?' * len(phases))})")
        columns = ", ".join(f"'[]' AS {name}" if name == "parameters" else name for name in Job.__slots__)
        where = " AND ".join(conditions)
        sql = f"SELECT {columns} FROM jobs WHERE {where} ORDER BY created DESC, rowid DESC LIMIT ?"  # noqa: S608
        return self._read(sql, *values, *(phase.value for phase in phases), last)

    def expired(self, moment: datetime) -> list[Job]:
        """Give the jobs whose destruction time has come."""
        return self._read("SELECT * FROM jobs WHERE destruction <= ?", _milliseconds(moment))

    def remove(self, job_id: str) -> None:
        """Forget a job."""
        self._write("DELETE FROM jobs WHERE job_id = ?", job_id)

    def identifiers(self) -> set[str]:
        """Give the identifiers of all jobs."""
        with self._lock():
            return {row["job_id"] for row in self._database.execute("SELECT job_id FROM jobs")}

    def count(self) -> int:
        """Count the jobs."""
        with self._lock():
            return int(self._database.execute("SELECT count(*) FROM jobs").fetchone()[0])

    def phases(self) -> Counter[Phase]:
        """Count the jobs of each phase."""
        with self._lock():
            found = self._database.execute("SELECT phase, count(*) FROM jobs GROUP BY phase").fetchall()
        return Counter({Phase(phase): number for phase, number in found})

    def held(self, owner: str) -> tuple[int, int]:
        """Count the jobs of an owner, and the bytes of their parameters, uploads and results."""
        sql = "SELECT count(*), coalesce(sum(kept + coalesce(size, 0)), 0) FROM jobs WHERE owner = ?"
        with self._lock():
            jobs, size = self._database.execute(sql, [owner]).fetchone()
        return int(jobs), int(size)

    def size(self) -> int:
        """Give the bytes of all results together."""
        with self._lock():
            return int(self._database.execute("SELECT coalesce(sum(size), 0) FROM jobs").fetchone()[0])

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Have the file for this thread; who waits as long as for a locked file is refused likewise."""
        if not self._mutex.acquire(timeout=LOCK_SECONDS):
            raise sqlite3.OperationalError("database is locked")
        try:
            yield
        finally:
            self._mutex.release()

    def _read(self, sql: str, *values: Any) -> list[Job]:
        with self._lock():
            return [_decode(row) for row in self._database.execute(sql, values).fetchall()]

    def _write(self, sql: str, *values: Any) -> int:
        with self._lock():
            return self._database.execute(sql, values).rowcount


def _encode(values: dict[str, Any]) -> dict[str, Any]:
    encoded = dict(values)
    for name, value in values.items():
        if name in _TIMES and value is not None:
            encoded[name] = _milliseconds(value)
        elif name == "parameters":
            encoded[name] = json.dumps(list(value))
        elif isinstance(value, Phase):
            encoded[name] = value.value
    return encoded


def _decode(row: sqlite3.Row) -> Job:
    values = dict(row)
    for name in _TIMES:
        if values[name] is not None:
            values[name] = datetime.fromtimestamp(values[name] / 1000, UTC)
    parameters: Pairs = [(name, value) for name, value in json.loads(values["parameters"])]
    return Job(**{**values, "phase": Phase(values["phase"]), "parameters": parameters})


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
