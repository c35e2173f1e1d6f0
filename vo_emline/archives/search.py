"""Finding spectra by SSA (1.1, and the 1.04 that older services speak) and by TAP, over pyvo.

:mod:`pyvo` makes the requests and understands the answers; this module only puts
:func:`~vo_emline.net.votable.read_votable` between the two and turns what can go wrong into
:class:`~vo_emline.errors.ArchiveError`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pyvo.dal.adhoc
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io.votable.tree import TableElement, VOTableFile
from astropy.time import Time
from astropy.units import Quantity
from pyvo.dal import SSAResults, TAPResults
from pyvo.dal.exceptions import DALAccessError, DALOverflowWarning, DALQueryError
from pyvo.dal.ssa import SSAQuery
from pyvo.dal.tap import TAPQuery

from vo_emline.archives.datalink import ServiceDescriptor, find_descriptor, find_links
from vo_emline.archives.records import ArchiveRecord, read_records
from vo_emline.errors import ArchiveError
from vo_emline.net.session import Session, archive_errors, no_answer, redact
from vo_emline.net.votable import read_votable

log = logging.getLogger(__name__)

COLUMNS: Final = (
    "ssa_pubDID", "ssa_targname", "ssa_location", "ssa_dateObs", "ssa_timeExt", "ssa_specstart",
    "ssa_specend", "accref", "mime",
)  # fmt: skip
"""What is asked of a table of spectra."""

MAXREC: Final = 1_000_000
"""Most rows asked for at a time."""


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
    with query_errors(what, query.queryurl), warnings.catch_warnings():
        # that an answer was cut is told by the callers, with what to do about it
        warnings.simplefilter("ignore", DALOverflowWarning)
        return query.execute()


@contextmanager
def query_errors(what: str, url: str) -> Iterator[None]:
    """Turn the errors of pyvo and of the session into :class:`~vo_emline.errors.ArchiveError`.

    Parameters
    ----------
    what
        What is asked, for messages (``"SSA query"``).
    url
        Where; secrets in it are hidden.
    """
    try:
        with archive_errors(what, url):
            yield
    except DALQueryError as error:
        raise ArchiveError(
            f"the service refused the {what}: {redact(str(error))}", url=redact(url)
        ) from error
    except SyntaxError as error:  # VOTableSpecError: an answer of another kind
        raise ArchiveError(f"the answer to the {what} is not understood: {error}", url=redact(url)) from error
    except DALAccessError as error:
        raise no_answer(what, url, error) from error


def is_truncated(results: SSAResults | TAPResults) -> bool:
    """Say whether the service cut its answer (``QUERY_STATUS=OVERFLOW``)."""
    return str(results.status[0]).upper() == "OVERFLOW"


@dataclass(frozen=True, slots=True, kw_only=True)
class SsaQuery:
    """Which spectra are looked for; what is left out does not restrict."""

    position: SkyCoord | None = None
    """Centre of the region."""
    size: Quantity = field(default_factory=lambda: 0.1 * u.deg)
    """Diameter of the region (SSA 1.1, section 4.1.1.2: the diameter, not the radius)."""
    band: Quantity | None = None
    """Two wavelengths; spectra that overlap the range are given."""
    target: str | None = None
    """Name of the object, as the archive spells it."""
    time: tuple[str, str] | None = None
    """First and last date of observation, ISO 8601."""
    publisher_did: str | None = None
    """One spectrum by its identifier (``PUBDID``)."""
    maxrec: int | None = None
    """Most rows to give; None for what the service gives by itself."""

    def to_pyvo(
        self, url: str, *, session: Session | None = None, lower_case: bool = False
    ) -> TolerantSsaQuery:
        """Make pyvo's query of it.

        Parameters
        ----------
        url
            Address of the service.
        session
            Session to use; a new one by default.
        lower_case
            Write the names of the parameters in lower case. SSA 1.1 (section
            3.2.1) makes no difference; some services do.
        """
        named: dict[str, Any] = {
            "TARGETNAME": self.target,
            "PUBDID": self.publisher_did,
            "MAXREC": self.maxrec,
        }
        query = TolerantSsaQuery(
            url,
            pos=self.position,
            diameter=self.size if self.position is not None else None,
            band=self.band,
            time=Time(list(self.time)) if self.time else None,
            session=session or Session(),
            **{name: value for name, value in named.items() if value is not None},
        )
        if lower_case:
            for name in list(query):
                query[name.lower()] = query.pop(name)
        return query


@dataclass(frozen=True, slots=True, kw_only=True)
class SsaAnswer:
    """What an SSA service answered."""

    records: Sequence[ArchiveRecord]
    descriptor: ServiceDescriptor | None
    """The processing service the answer describes."""
    links: ServiceDescriptor | None
    """The {links} service the answer describes."""
    truncated: bool
    """Whether there are more spectra than the service gave."""
    repairs: tuple[str, ...]
    """What had to be repaired in the answer."""


def search_ssa(
    url: str, query: SsaQuery, *, session: Session | None = None, lower_case: bool = False
) -> SsaAnswer:
    """Ask an SSA service for spectra.

    Parameters
    ----------
    url
        Address of the service.
    query
        What is looked for.
    session
        Session to use; a new one by default.
    lower_case
        Write the names of the parameters in lower case.

    Raises
    ------
    ArchiveError
        If the service cannot be reached, refuses the query, or answers with
        what is no VOTable.
    """
    asked = query.to_pyvo(url, session=session, lower_case=lower_case)
    results = run_query(asked, "SSA query")
    resources = results.votable.resources
    descriptor = find_descriptor(resources)
    records = read_records(results.resultstable, descriptor)
    log.info("%s: %d rows, %d spectra", redact(url), len(results), len(records))
    return SsaAnswer(
        records=records,
        descriptor=descriptor,
        links=find_links(resources),
        truncated=is_truncated(results),
        repairs=asked.repairs,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TapAnswer:
    """What a TAP service answered."""

    table: TableElement
    descriptor: ServiceDescriptor | None
    truncated: bool
    repairs: tuple[str, ...]


def search_tap(url: str, adql: str, *, maxrec: int = MAXREC, session: Session | None = None) -> TapAnswer:
    """Run one synchronous ADQL query.

    Raises
    ------
    ArchiveError
        If the service cannot be reached, refuses the query, or answers with
        what is no VOTable.
    """
    query = TolerantTapQuery(url, adql, maxrec=maxrec, session=session or Session())
    results = run_query(query, "TAP query")
    return TapAnswer(
        table=results.resultstable,
        descriptor=find_descriptor(results.votable.resources),
        truncated=is_truncated(results),
        repairs=query.repairs,
    )


def list_spectra(
    url: str,
    table: str,
    *,
    where: str | None = None,
    limit: int | None = None,
    session: Session | None = None,
) -> Sequence[ArchiveRecord]:
    """List the spectra of a table with SSA columns.

    Parameters
    ----------
    url
        Address of the TAP service.
    table
        Name of the table (``ccd700.data``).
    where
        ADQL condition (``mime = 'image/fits'``).
    limit
        Most spectra to give.
    session
        Session to use; a new one by default.

    Raises
    ------
    ArchiveError
        As :func:`search_tap`.
    """
    top = f"TOP {limit} " if limit else ""
    condition = f" WHERE {where}" if where else ""
    adql = f"SELECT {top}{', '.join(COLUMNS)} FROM {table}{condition}"  # noqa: S608 - the user's own query
    answer = search_tap(url, adql, session=session)
    if answer.truncated and not limit:
        log.warning("%s cut its list of %s at %d rows", url, table, len(answer.table.array))
    return read_records(answer.table, answer.descriptor)


def find_spectrum_tables(url: str, *, session: Session | None = None) -> list[str]:
    """Find the tables of a TAP service that list spectra: those with a publisher DID as SSA names it.

    Raises
    ------
    ArchiveError
        As :func:`search_tap`.
    """
    adql = "SELECT table_name, column_name FROM TAP_SCHEMA.columns"
    answer = search_tap(url, adql, session=session)
    columns: dict[str, set[str]] = {}
    for table, column in zip(
        answer.table.array["table_name"], answer.table.array["column_name"], strict=True
    ):
        columns.setdefault(str(table), set()).add(str(column).lower())
    needed = {name.lower() for name in COLUMNS}
    return sorted(table for table, names in columns.items() if needed <= names)
