"""pyvo's queries, made tolerant and patient: retries, time limits, and the reader that repairs.

:mod:`pyvo` makes the requests and understands the answers; this module only puts
:func:`~vo_emline.archives.votable.read_votable` between the two and turns what can go wrong into
:class:`~vo_emline.errors.ArchiveError`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Final, Self

import pyvo.dal.adhoc
import requests
from astropy.io.votable.tree import VOTableFile
from pyvo.dal import SSAResults, TAPResults
from pyvo.dal.exceptions import DALAccessError, DALOverflowWarning, DALQueryError
from pyvo.dal.ssa import SSAQuery
from pyvo.dal.tap import TAPQuery
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from vo_emline.archives.addresses import redact
from vo_emline.archives.votable import read_votable
from vo_emline.errors import ArchiveError

log = logging.getLogger(__name__)

USER_AGENT: Final = f"vo-emline/{version('vo-emline')} (IVOA-science)"
"""Who asks, in the form of the IVOA Note *Operational Identification of Software Components*."""

TRANSIENT: Final = frozenset((408, 425, 429, 500, 502, 503, 504))
"""HTTP statuses after which asking again may help."""

CONNECT_TIMEOUT: Final = 10.0
"""Time to wait for a connection, s."""

READ_TIMEOUT: Final = 60.0
"""Time to wait for the next bytes of an answer, s."""


class _Patience(Retry):
    """Retries that are told in the log, without the address and the secrets in it."""

    def increment(self, *args: Any, **details: Any) -> Self:
        """Count a failure, and tell of it."""
        following = super().increment(*args, **details)
        log.info("no answer yet, asking again (%d attempts left)", following.total or 0)
        return following


class ArchiveSession(requests.Session):
    """A session with time limits and retries on what is transient.

    Parameters
    ----------
    retries
        How often to ask again; 0 for once only.
    backoff
        First waiting time, s; it doubles each time, with jitter. A
        ``Retry-After`` of the service is honoured.
    read_timeout
        Time to wait for the next bytes, s.
    """

    def __init__(self, *, retries: int = 4, backoff: float = 0.5, read_timeout: float = READ_TIMEOUT) -> None:
        super().__init__()
        # it would write every address that is asked again into the log, and with it the user's token
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        self.headers["User-Agent"] = USER_AGENT
        self._timeout = (CONNECT_TIMEOUT, read_timeout)
        # a query by POST (TAP) changes nothing, so that it too may be repeated
        policy = _Patience(
            total=retries,
            connect=min(retries, 2),  # who is not there now will hardly be in seconds
            backoff_factor=backoff,
            backoff_jitter=backoff,
            backoff_max=30,
            status_forcelist=TRANSIENT,
            allowed_methods=("GET", "HEAD", "POST"),
            raise_on_status=False,
        )
        self.mount("http://", HTTPAdapter(max_retries=policy))
        self.mount("https://", HTTPAdapter(max_retries=policy))

    def request(self, *args: Any, **options: Any) -> requests.Response:
        """Send a request; the session's time limits hold unless others are given."""
        options["timeout"] = options.get("timeout") or self._timeout
        return super().request(*args, **options)


class _Tolerant:
    """Mixin for pyvo's queries: the answer goes through the tolerant reader."""

    repairs: tuple[str, ...] = ()

    def execute_votable(self, *, post: bool = False) -> VOTableFile:
        """Send the query; give the repaired answer."""
        query: Any = self
        content = query.execute_stream(post=post).read()
        try:
            clean = read_votable(content, redact(query.queryurl))
        except ArchiveError:
            query.raise_if_error()  # an HTTP error says more than its body
            raise
        self.repairs = clean.repairs
        return clean.votable


class TolerantSsaQuery(_Tolerant, SSAQuery):  # type: ignore[misc]  # pyvo has no types
    """:class:`pyvo.dal.ssa.SSAQuery` that understands invalid answers."""


class TolerantTapQuery(_Tolerant, TAPQuery):  # type: ignore[misc]  # pyvo has no types
    """:class:`pyvo.dal.tap.TAPQuery` that understands invalid answers."""


class TolerantDatalinkQuery(_Tolerant, pyvo.dal.adhoc.DatalinkQuery):  # type: ignore[misc]  # pyvo has no types
    """:class:`pyvo.dal.adhoc.DatalinkQuery` that understands invalid answers."""


def run_query(query: TolerantSsaQuery | TolerantTapQuery | TolerantDatalinkQuery, what: str) -> Any:
    """Send a query and give pyvo's results.

    Parameters
    ----------
    query
        The query, ready to be sent.
    what
        What is asked, for messages (``"SSA query"``).

    Raises
    ------
    ArchiveError
        If the service cannot be reached, refuses, or answers with what no
        reader understands.
    """
    with translated_errors(what, query.queryurl), warnings.catch_warnings():
        # that an answer was cut is told by the callers, with what to do about it
        warnings.simplefilter("ignore", DALOverflowWarning)
        return query.execute()


@contextmanager
def translated_errors(what: str, url: str) -> Iterator[None]:
    """Turn pyvo's and requests' errors into :class:`~vo_emline.errors.ArchiveError`."""
    url = redact(url)
    try:
        yield
    except DALQueryError as error:
        raise ArchiveError(f"the service refused the {what}: {redact(str(error))}", url=url) from error
    except SyntaxError as error:  # VOTableSpecError: an answer of another kind
        raise ArchiveError(f"the answer to the {what} is not understood: {error}", url=url) from error
    except (DALAccessError, requests.RequestException, OSError) as error:
        status = getattr(error, "code", getattr(getattr(error, "response", None), "status_code", None))
        retry = not isinstance(status, int) or status in TRANSIENT
        raise ArchiveError(f"no answer to the {what}: {_reason(error)}", url=url, retry=retry) from error


def is_truncated(results: SSAResults | TAPResults) -> bool:
    """Say whether the service cut its answer (``QUERY_STATUS=OVERFLOW``)."""
    return str(results.status[0]).upper() == "OVERFLOW"


def _reason(error: BaseException) -> str:
    """Give the innermost cause, which names the trouble without the library's wrapping."""
    cause: BaseException = error
    while isinstance(inner := cause.__cause__ or cause.__context__, OSError | HTTPError):
        cause = inner
    return redact(str(cause)).partition("\n")[0].strip() or type(cause).__name__
