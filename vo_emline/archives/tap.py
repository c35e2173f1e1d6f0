"""Finding spectra by TAP, in tables that hold the columns of an SSA answer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from astropy.io.votable.tree import TableElement

from vo_emline.archives.datalink import ServiceDescriptor, find_descriptor
from vo_emline.archives.records import ArchiveRecord, read_records
from vo_emline.archives.session import ArchiveSession, TolerantTapQuery, is_truncated, run_query

log = logging.getLogger(__name__)

COLUMNS: Final = (
    "ssa_pubDID", "ssa_targname", "ssa_location", "ssa_dateObs", "ssa_timeExt", "ssa_specstart",
    "ssa_specend", "accref", "mime",
)  # fmt: skip
"""What is asked of a table of spectra."""

MAXREC: Final = 1_000_000
"""Most rows asked for at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapAnswer:
    """What a TAP service answered."""

    table: TableElement
    descriptor: ServiceDescriptor | None
    truncated: bool
    repairs: tuple[str, ...]


def search_tap(
    url: str, adql: str, *, maxrec: int = MAXREC, session: ArchiveSession | None = None
) -> TapAnswer:
    """Run one synchronous ADQL query.

    Raises
    ------
    ArchiveError
        If the service cannot be reached, refuses the query, or answers with
        what is no VOTable.
    """
    query = TolerantTapQuery(url, adql, maxrec=maxrec, session=session or ArchiveSession())
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
    session: ArchiveSession | None = None,
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


def find_spectrum_tables(url: str, *, session: ArchiveSession | None = None) -> list[str]:
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
