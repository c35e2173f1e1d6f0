"""What an operator's machines ask: ``/healthz``, whether it works, and ``/metrics``, what it does."""

from __future__ import annotations

import os
import resource
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import anyio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from service.errors import NotFoundError
from service.metrics import MEDIA_TYPE
from service.tap.context import TapServices, tap_services
from service.uws.jobs import Phase


async def health(request: Request) -> Response:
    """Say ``ok``, or with status 503 what does not work; for load balancers and supervisors."""
    problem = await anyio.to_thread.run_sync(_problem, tap_services(request))
    return PlainTextResponse(f"{problem or 'ok'}\n", 503 if problem else 200)


async def metrics(request: Request) -> Response:
    """Give counts and what is going on, to the addresses that may see them; others find nothing here."""
    context = tap_services(request)
    host = request.client.host if request.client else ""
    if host not in context.settings.metrics_clients:
        raise NotFoundError("there is nothing here")
    gauges = await anyio.to_thread.run_sync(_gauges, context)
    counts = context.metrics
    if context.shared_counts:
        counts = await anyio.to_thread.run_sync(context.shared_counts.all)
    return Response(counts.text(gauges), media_type=MEDIA_TYPE)


def routes() -> list[Route]:
    """Give the routes of monitoring."""
    return [Route("/healthz", health, methods=["GET"]), Route("/metrics", metrics, methods=["GET"])]


def _problem(context: TapServices) -> str | None:
    """Say what does not work; None where all does."""
    try:
        with context.store.lease() as release:
            release.rows(f"SELECT 1 AS one FROM {release.index} LIMIT 1")  # noqa: S608 - a name of ours
    except Exception as error:  # noqa: BLE001 - whatever it is, it does not work
        return f"the release cannot be read: {type(error).__name__}"
    return context.jobs.problem()


def _gauges(context: TapServices) -> dict[str, tuple[str, float]]:
    age = (datetime.now(UTC) - context.store.published).total_seconds()
    phases: Counter[Phase] = context.jobs.phases()
    found: dict[str, tuple[str, float]] = {
        "query_slots_taken": ("Slots of queries that are taken.", context.slots.taken),
        "query_slots_waiting": ("Queries that wait for a slot.", context.slots.waiting),
        "page_slots_taken": ("Slots of pages and pictures that are taken.", context.pages.taken),
        "page_slots_waiting": ("Pages and pictures that wait for a slot.", context.pages.waiting),
        "page_cache_bytes": ("Bytes of pages that are kept.", context.finished.held),
        "spool_free_bytes": ("Bytes left for answers that are not read yet.", context.quota.left),
        "release_age_seconds": ("Seconds since the release was put in place.", age),
        "memory_bytes": (
            "Memory of this process and those it has started; what they share counts once.",
            _memory(),
        ),
        "cpu_seconds": ("Processor time of the server itself.", sum(_used())),
        "healthy": ("Whether all works.", float(_problem(context) is None)),
    }
    for phase in (Phase.PENDING, Phase.QUEUED, Phase.EXECUTING, Phase.COMPLETED, Phase.ERROR):
        name = phase.value.lower()
        found[f"jobs_{name}"] = (f"Jobs that are {phase.value}.", phases[phase])
    return found


def _used() -> tuple[float, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime, usage.ru_stime


def _memory() -> float:
    """Sum the resident memory of this process and its descendants, bytes; what several share counts once."""
    total, waiting = 0, [os.getpid()]
    while waiting:
        process = Path("/proc") / str(waiting.pop())
        try:
            rollup = (process / "smaps_rollup").read_text()
            total += int(rollup.partition("\nPss:")[2].split(maxsplit=1)[0]) * 1024
            for task in (process / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except OSError:  # it has ended, or there is no /proc here
            continue
    return float(total)
