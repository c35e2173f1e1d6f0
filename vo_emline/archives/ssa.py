"""Finding spectra by SSA (Simple Spectral Access 1.1, and the 1.04 that older services speak)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time
from astropy.units import Quantity

from vo_emline.archives.addresses import redact
from vo_emline.archives.datalink import ServiceDescriptor, find_descriptor, find_links
from vo_emline.archives.records import ArchiveRecord, read_records
from vo_emline.archives.session import ArchiveSession, TolerantSsaQuery, is_truncated, run_query

log = logging.getLogger(__name__)


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
        self, url: str, *, session: ArchiveSession | None = None, lower_case: bool = False
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
            session=session or ArchiveSession(),
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
    url: str, query: SsaQuery, *, session: ArchiveSession | None = None, lower_case: bool = False
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
