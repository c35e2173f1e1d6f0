"""The HTTP resources of jobs below ``/tap/async`` (UWS 1.1, section 2.2.2; TAP 1.1, section 2.2)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Concatenate, Final, ParamSpec, Protocol, TypeVar

import anyio
import structlog
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from service.clients import check_origin, client_of
from service.errors import INTERNAL, BusyError, FaultError, NotFoundError
from service.formats.header import status_document
from service.middleware import VOTABLE_TYPE
from service.parameters import Parameters, open_parameters, read_parameters
from service.tap.context import tap_services
from service.tap.job_documents import (
    PARAMETER_NAMES,
    job_document,
    list_document,
    parameters_document,
    results_document,
)
from service.tap.uploads import save_uploads
from service.uws.jobs import ACTIVE, Job, Pairs, Phase, timestamp
from service.uws.manager import JobManager
from service.uws.workers import RESULT
from vo_emline.errors import UserError

logger = structlog.stdlib.get_logger("service")

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)

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
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise UserError(f"{name}={value[:80]} is beyond the calendar") from None


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


XML: Final = "application/xml"
POLL_SECONDS: Final = 0.05
"""How often a blocking request looks at its job, at first; less and less often then."""
SLOWEST_POLL: Final = 0.5
STORE_THREADS: Final = 4
"""Requests that ask the job store at the same time: a locked file holds up no others."""


class Jobs:
    """The job manager as handlers use it: in threads of its own, its faults told as what they are.

    The store is a file, and a file may be locked or its disk full; the event loop never waits for it.
    """

    def __init__(self, manager: JobManager) -> None:
        self._manager = manager
        self._threads = anyio.CapacityLimiter(STORE_THREADS)

    async def __call__(
        self, method: Callable[Concatenate[JobManager, P], T], *args: P.args, **kw: P.kwargs
    ) -> T:
        """Call a method of the manager.

        Raises
        ------
        BusyError
            The store is locked.
        FaultError
            It cannot be read or written.
        """
        call = partial(method, self._manager, *args, **kw)
        try:
            return await anyio.to_thread.run_sync(call, limiter=self._threads)
        except sqlite3.OperationalError as error:
            logger.error("job_store", error=str(error))  # noqa: TRY400 - the message says all
            raise BusyError("jobs cannot be read or written now; try again soon") from error
        except (sqlite3.Error, OSError) as error:
            logger.exception("job_store")
            raise FaultError(INTERNAL) from error


async def list_jobs(request: Request) -> Response:
    """List jobs, the newest first."""
    wanted = parse_filter(await read_parameters(request))
    newest = partial(JobManager.newest, phases=wanted.phases, after=wanted.after, last=wanted.last)
    jobs = await _jobs(request)(newest)
    return Response(list_document(jobs, tap_services(request).urls), media_type=XML)


async def create_job(request: Request) -> Response:
    """Make a job, and run it where the request says PHASE=RUN."""
    ask = _jobs(request)
    async with open_parameters(request) as parameters:
        phase = parameters.one("PHASE")
        if phase:
            _check_run(phase)
            check_origin(request)
        job = await ask(JobManager.create, _known(parameters), owner=client_of(request))
        try:
            await _save(request, parameters, job.job_id)
        except UserError:
            await ask(JobManager.destroy, job.job_id)
            raise
    if phase:
        await ask(JobManager.run, job.job_id)
    return _see_job(request, job.job_id)


async def get_job(request: Request) -> Response:
    """Describe a job, after waiting for a change where the request says WAIT."""
    parameters = await read_parameters(request)
    seconds = parse_wait(parameters.one("WAIT"))
    phase = parameters.one("PHASE")
    job = await _job(request)
    if job.phase in ACTIVE and (phase is None or parse_phase(phase) is job.phase):
        job = await _changed(request, job, seconds)
    return Response(job_document(job, tap_services(request).urls), media_type=XML)


async def post_job(request: Request) -> Response:
    """Delete a job by ACTION=DELETE, for clients without the method DELETE."""
    action = (await read_parameters(request)).one("ACTION")
    if (action or "").upper() != "DELETE":
        raise UserError("a POST to a job takes ACTION=DELETE; parameters go to its /parameters")
    return await delete_job(request)


async def delete_job(request: Request) -> Response:
    """Stop and remove a job."""
    check_origin(request)
    job = await _job(request)
    await _jobs(request)(JobManager.destroy, job.job_id)
    return RedirectResponse(tap_services(request).urls.jobs, 303)


async def get_phase(request: Request) -> Response:
    """Give the phase."""
    return PlainTextResponse((await _job(request)).phase.value)


async def post_phase(request: Request) -> Response:
    """Run or abort."""
    check_origin(request)
    job = await _job(request)
    wanted = ((await read_parameters(request)).one("PHASE") or "").upper()
    if wanted == "ABORT":
        await _jobs(request)(JobManager.abort, job.job_id)
    else:
        _check_run(wanted)
        await _jobs(request)(JobManager.run, job.job_id)
    return _see_job(request, job.job_id)


async def get_duration(request: Request) -> Response:
    """Give the time limit, s."""
    return PlainTextResponse(str((await _job(request)).duration))


async def post_duration(request: Request) -> Response:
    """Set the time limit."""
    return await _set(request, "EXECUTIONDURATION", parse_count, JobManager.set_duration)


async def get_destruction(request: Request) -> Response:
    """Give the time of destruction."""
    return PlainTextResponse(timestamp((await _job(request)).destruction))


async def post_destruction(request: Request) -> Response:
    """Set the time of destruction."""
    return await _set(request, "DESTRUCTION", parse_time, JobManager.set_destruction)


async def get_parameters(request: Request) -> Response:
    """List the parameters."""
    return Response(parameters_document(await _job(request)), media_type=XML)


async def post_parameters(request: Request) -> Response:
    """Set parameters of a pending job."""
    check_origin(request)
    job = await _job(request)
    async with open_parameters(request) as parameters:
        await _jobs(request)(JobManager.set_parameters, job.job_id, _known(parameters))
        await _save(request, parameters, job.job_id)
    return _see_job(request, job.job_id)


async def get_results(request: Request) -> Response:
    """List the results."""
    return Response(results_document(await _job(request), tap_services(request).urls), media_type=XML)


async def get_result(request: Request) -> Response:
    """Give the result."""
    job = await _job(request)
    if job.phase is not Phase.COMPLETED:
        raise NotFoundError(f"job {job.job_id} is {job.phase.value} and has no result")
    path = tap_services(request).jobs.folder(job.job_id) / RESULT
    # By header and not by media_type: Starlette would add a charset that nobody asked for.
    return FileResponse(path, headers={"content-type": job.media_type or "application/octet-stream"})


async def get_error(request: Request) -> Response:
    """Say in a VOTable why the job failed."""
    job = await _job(request)
    if job.error is None:
        raise NotFoundError(f"job {job.job_id} has no error")
    return Response(
        status_document("ERROR", job.error, infos=tap_services(request).origin()), media_type=VOTABLE_TYPE
    )


async def get_nothing(request: Request) -> Response:
    """Answer for what this service does not know of a job: owner and quote."""
    await _job(request)
    return PlainTextResponse("")


def routes() -> list[Route]:
    """Give the routes below ``/tap/async``."""
    job = "/tap/async/{job_id}"
    return [
        Route("/tap/async", list_jobs, methods=["GET"]),
        Route("/tap/async", create_job, methods=["POST"]),
        Route(job, get_job, methods=["GET"]),
        Route(job, post_job, methods=["POST"]),
        Route(job, delete_job, methods=["DELETE"]),
        Route(f"{job}/phase", get_phase, methods=["GET"]),
        Route(f"{job}/phase", post_phase, methods=["POST"]),
        Route(f"{job}/executionduration", get_duration, methods=["GET"]),
        Route(f"{job}/executionduration", post_duration, methods=["POST"]),
        Route(f"{job}/destruction", get_destruction, methods=["GET"]),
        Route(f"{job}/destruction", post_destruction, methods=["POST"]),
        Route(f"{job}/parameters", get_parameters, methods=["GET"]),
        Route(f"{job}/parameters", post_parameters, methods=["POST"]),
        Route(f"{job}/results", get_results, methods=["GET"]),
        Route(f"{job}/results/{RESULT}", get_result, methods=["GET"]),
        Route(f"{job}/error", get_error, methods=["GET"]),
        Route(f"{job}/owner", get_nothing, methods=["GET"]),
        Route(f"{job}/quote", get_nothing, methods=["GET"]),
    ]


def _jobs(request: Request) -> Jobs:
    """Give the way to the jobs, one for the whole application."""
    state = request.app.state
    if not hasattr(state, "jobs"):
        state.jobs = Jobs(tap_services(request).jobs)
    found: Jobs = state.jobs
    return found


async def _job(request: Request) -> Job:
    return await _jobs(request)(JobManager.get, request.path_params["job_id"])


async def _save(request: Request, parameters: Parameters, job_id: str) -> None:
    """Keep the inline files of a request, counted before they are written."""
    if parameters.files:
        size = sum(file.size or 0 for file in parameters.files.values())
        await _jobs(request)(JobManager.check_upload, job_id, size)
        await save_uploads(parameters, tap_services(request).jobs.folder(job_id))


def _see_job(request: Request, job_id: str) -> Response:
    return RedirectResponse(tap_services(request).urls.job(job_id), 303)


def _known(parameters: Parameters) -> Pairs:
    """Keep the parameters that mean something in TAP, in the order of their names."""
    return [(name, value) for name in PARAMETER_NAMES for value in parameters.all(name)]


def _check_run(phase: str) -> None:
    if phase.upper() != "RUN":
        raise UserError(f"PHASE={phase[:80]} cannot be set; use RUN, or ABORT for a job that was run")


class _Parse(Protocol[V_co]):
    def __call__(self, value: str, *, name: str) -> V_co:
        """Read the value of a parameter."""
        ...


async def _set(
    request: Request, name: str, parse: _Parse[V], change: Callable[[JobManager, str, V], None]
) -> Response:
    """Change what a parameter says of a job."""
    check_origin(request)
    job = await _job(request)
    value = parse(_required(await read_parameters(request), name), name=name)
    await _jobs(request)(change, job.job_id, value)
    return _see_job(request, job.job_id)


def _required(parameters: Parameters, name: str) -> str:
    value = parameters.one(name)
    if value is None:
        raise UserError(f"{name} is missing")
    return value


async def _changed(request: Request, job: Job, seconds: float) -> Job:
    """Wait until the phase of `job` is another, `seconds` at most, and give it as it is then."""
    deadline = time.monotonic() + seconds
    current, pause = job, POLL_SECONDS
    while current.phase is job.phase and time.monotonic() < deadline:
        await anyio.sleep(pause)
        pause = min(1.2 * pause, SLOWEST_POLL)
        current = await _job(request)
    return current
