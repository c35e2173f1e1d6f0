"""What a client may say to a job: times, phases and filters, checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from service.parameters import Parameters
from service.uws.job import Phase
from vo_emline.errors import UserError

WAIT_SECONDS: Final = 9.0
"""The longest blocking answer: clients give up reading after 10 s (pyvo #713)."""
LIST_LENGTH: Final = 500
"""Jobs listed at most; a list that grows for ever hangs clients that delete (pyvo #535)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs to list (UWS 1.1, section 2.2.2.1)."""

    phases: tuple[Phase, ...]
    after: datetime | None
    last: int


def parse_filter(parameters: Parameters) -> JobFilter:
    """Read PHASE, AFTER and LAST."""
    last = parameters.one("LAST")
    after = parameters.one("AFTER")
    return JobFilter(
        phases=tuple(parse_phase(value) for value in parameters.all("PHASE")),
        after=parse_time(after, name="AFTER") if after else None,
        last=min(parse_count(last, name="LAST"), LIST_LENGTH) if last else LIST_LENGTH,
    )


def parse_phase(value: str) -> Phase:
    """Read an execution phase."""
    try:
        return Phase(value.strip().upper())
    except ValueError:
        names = ", ".join(phase.value for phase in Phase)
        raise UserError(f"PHASE={value[:80]} is no phase; use one of {names}") from None


def parse_time(value: str, *, name: str) -> datetime:
    """Read a time, UTC where it names no zone (DALI 1.1, section 3.3.3)."""
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise UserError(f"{name}={value[:80]} is no time; write it as 2026-11-22T12:00:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_count(value: str, *, name: str) -> int:
    """Read a whole number from 0."""
    text = value.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise UserError(f"{name}={value[:80]} is no count; use a whole number from 0")
    return int(text)


def parse_wait(value: str | None) -> float:
    """Read WAIT: seconds to block; -1 means as long as the service does (UWS 1.1, section 2.2.1.1)."""
    if value is None:
        return 0.0
    if value.strip() == "-1":
        return WAIT_SECONDS
    return min(float(parse_count(value, name="WAIT")), WAIT_SECONDS)
