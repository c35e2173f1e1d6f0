"""The UWS documents (UWS 1.1, section 2.2): job list, job, parameters, results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pydantic_xml import BaseXmlModel, element
from vo_models.uws.models import (
    ErrorSummary,
    Jobs,
    JobSummary,
    MultiValuedParameter,
    Parameter,
    Parameters,
    ResultReference,
    Results,
    ShortJobDescription,
)
from vo_models.uws.types import ErrorType

from service.urls import Urls
from service.uws.jobs import REPEATABLE, Job, Phase
from service.uws.workers import RESULT
from service.xml import document
from vo_emline.candidates.votable import printable


class TapParameters(Parameters):
    """The parameters of a TAP job; each field bears the name of its parameter, as vo-models wants."""

    REQUEST: Parameter | None = element(tag="parameter", default=None)
    LANG: Parameter | None = element(tag="parameter", default=None)
    QUERY: Parameter | None = element(tag="parameter", default=None)
    MAXREC: Parameter | None = element(tag="parameter", default=None)
    FORMAT: Parameter | None = element(tag="parameter", default=None)
    RESPONSEFORMAT: Parameter | None = element(tag="parameter", default=None)
    RUNID: Parameter | None = element(tag="parameter", default=None)
    UPLOAD: MultiValuedParameter | None = element(tag="parameter", default=None)


PARAMETER_NAMES: Final = tuple(TapParameters.model_fields)
"""The parameters that a job keeps; others have no meaning in TAP."""


def job_document(job: Job, urls: Urls) -> bytes:
    """Give the description of a job."""
    error = ErrorSummary(message=printable(job.error or ""), type=ErrorType.FATAL, has_detail=True)
    summary = JobSummary[TapParameters](
        job_id=job.job_id,
        run_id=None if job.run_id is None else printable(job.run_id),
        owner_id=None,
        phase=job.phase,
        quote=None,
        creation_time=job.created,
        start_time=job.started,
        end_time=job.ended,
        execution_duration=job.duration,
        destruction=job.destruction,
        parameters=_parameters(job),
        results=_results(job, urls),
        error_summary=error if job.error else None,
    )
    return _xml(summary)


def list_document(jobs: Iterable[Job], urls: Urls) -> bytes:
    """Give the list of jobs."""
    references = [
        ShortJobDescription(
            job_id=job.job_id,
            href=urls.job(job.job_id),
            phase=job.phase,
            run_id=None if job.run_id is None else printable(job.run_id),
            owner_id=None,
            creation_time=job.created,
        )
        for job in jobs
    ]
    return _xml(Jobs(jobref=references))


def parameters_document(job: Job) -> bytes:
    """Give the parameters of a job."""
    return _xml(_parameters(job))


def results_document(job: Job, urls: Urls) -> bytes:
    """Give the list of results of a job."""
    return _xml(_results(job, urls))


def _parameters(job: Job) -> TapParameters:
    values: dict[str, Any] = {}
    for name, value in job.parameters:
        values.setdefault(name, []).append(Parameter(id=name, value=printable(value)))
    return TapParameters(**{name: each if name in REPEATABLE else each[-1] for name, each in values.items()})


def _results(job: Job, urls: Urls) -> Results:
    if job.phase is not Phase.COMPLETED:
        return Results()
    href = urls.job(job.job_id, "results", RESULT)
    return Results(results=[ResultReference(id=RESULT, href=href, size=job.size, mime_type=job.media_type)])


def _xml(model: BaseXmlModel) -> bytes:
    # skip_empty would drop ownerId, which the schema requires, if only as xsi:nil.
    return document(model, skip_empty=False)
