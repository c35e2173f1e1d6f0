"""Queries by TAP, through pyvo: tables out, errors that say whose fault it is."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyvo
import requests
from astropy.table import Table
from pyvo.dal.exceptions import DALAccessError, DALQueryError, DALServiceError
from pyvo.dal.tap import TAPResults

from vo_emline.client.address import ServiceAddress
from vo_emline.errors import ArchiveError, UserError


class TruncatedWarning(UserWarning):
    """The service had more rows than it was allowed to send."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query."""

    table: Table
    truncated: bool
    """Whether the service had more rows (QUERY_STATUS OVERFLOW)."""


@contextmanager
def plain_errors(url: str) -> Iterator[None]:
    """Turn the errors of pyvo and requests into ours.

    Raises
    ------
    UserError
        The service refused the query; its reason is the message.
    ArchiveError
        The service could not be reached, or answered nonsense.
    """
    try:
        yield
    except DALQueryError as error:
        raise UserError(f"the service refuses the query: {str(error).strip()}") from error
    except requests.RequestException as error:
        raise unreachable(url) from error
    except DALAccessError as error:
        if isinstance(getattr(error, "cause", None), requests.ConnectionError) or "Max retries" in str(error):
            raise unreachable(url) from error
        status = getattr(error, "code", None)
        retry = isinstance(error, DALServiceError) and (status is None or status >= 500)
        raise ArchiveError(f"the service could not answer: {error}", url=url, retry=retry) from error


def unreachable(url: str) -> ArchiveError:
    """Say that nobody answers at an address."""
    return ArchiveError(
        "no service answers here; is it running ('vo-emline serve RUN'), and is the address right?",
        url=url,
        retry=True,
    )


def open_service(address: ServiceAddress, *, session: requests.Session) -> pyvo.dal.TAPService:
    """Look whether there is a TAP service at `address`, and give it.

    Raises
    ------
    ArchiveError
        Nobody answers there.
    UserError
        Something answers that is no TAP service.
    """
    try:
        answer = session.get(address.capabilities)
    except requests.RequestException as error:
        raise unreachable(address.base) from error
    if not answer.ok or "ivo://ivoa.net/std/TAP" not in answer.text:
        raise UserError(
            f"{address.base} is not a candidate service: HTTP {answer.status_code} and no TAP capabilities "
            f"from {address.capabilities}"
        )
    return pyvo.dal.TAPService(address.tap, session=session)


def run(
    service: pyvo.dal.TAPService,
    adql: str,
    *,
    maxrec: int | None = None,
    uploads: Mapping[str, Any] | None = None,
) -> Answer:
    """Run a synchronous query.

    Parameters
    ----------
    adql
        The query.
    maxrec
        Most rows to accept; None for the service's default.
    uploads
        Tables by name, each an astropy table or the path of a VOTable.

    Raises
    ------
    UserError, ArchiveError
        See :func:`plain_errors`.
    """
    with plain_errors(service.baseurl):
        query = service.create_query(adql, maxrec=maxrec, uploads=dict(uploads or {}))
        votable = query.execute_votable()
        failure = query._ex  # pyvo keeps the HTTP error here and tells nobody when the body is a VOTable
        try:
            return read_results(TAPResults(votable, url=query.queryurl))
        except DALQueryError as error:
            if failure is not None and (failure.code or 0) >= 500:
                raise ArchiveError(f"the service failed: {error}", url=service.baseurl, retry=True) from error
            raise


def read_results(results: TAPResults) -> Answer:
    """Take the table and the status out of pyvo's results."""
    return Answer(results.to_table(), results.query_status == "OVERFLOW")


def warn_if_truncated(answer: Answer, *, asked: int | None, service: pyvo.dal.TAPService) -> None:
    """Warn of missing rows, and say how to get them, unless exactly so many were asked for."""
    if not answer.truncated or len(answer.table) == asked:
        return
    hard = hard_limit(service)
    ways = "ask for 'all' (limit or maxrec)" if hard and hard > len(answer.table) else "narrow the query"
    warnings.warn(
        f"only the first {len(answer.table)} rows were sent, there are more: {ways}; "
        "for very many rows run it as a job (Client.submit)",
        TruncatedWarning,
        stacklevel=5,
    )


def hard_limit(service: pyvo.dal.TAPService) -> int | None:
    """Give the most rows the service sends at all; None where it does not say."""
    try:
        return int(service.hardlimit)
    except DALServiceError:
        return None
