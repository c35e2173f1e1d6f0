"""What a job is (UWS 1.1, section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from vo_models.uws.types import ExecutionPhase as Phase

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


def now() -> datetime:
    """Give the present time, UTC, in whole milliseconds (what the store keeps)."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def timestamp(moment: datetime) -> str:
    """Write a time as DALI 1.1 (section 3.3.3) asks: UTC, with Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
