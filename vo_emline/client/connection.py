"""The way in: connect to a candidate service and ask it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Row, Table

from vo_emline.client import queries, tap
from vo_emline.client.address import ServiceAddress
from vo_emline.client.candidates import Candidates, plain_uploads
from vo_emline.client.constraints import Target, constrain
from vo_emline.client.spectra import identified, original_url
from vo_emline.errors import UserError
from vo_emline.net.cache import Cache
from vo_emline.net.session import Politeness, Session
from vo_emline.net.transfer import LARGEST, PARALLEL, Fetcher
from vo_emline.spectra import Spectrum, read_bytes

if TYPE_CHECKING:
    from vo_emline.client.jobs import Job
    from vo_emline.client.samp import SampSession

SERVICE: Final = Politeness(delay=0, attempts=3, timeout=330)
"""How a candidate service is asked: a little longer than it gives a synchronous query."""

Limit: TypeAlias = int | Literal["all"] | None
"""Most rows: a number, all that the service sends at once, or its usual limit."""


def connect(url: str | None = None, *, cache: str | Path | None = None) -> Client:
    """Connect to a candidate service.

    Parameters
    ----------
    url
        Its address, with or without ``/tap``; None for that in the variable
        ``VO_EMLINE_SERVICE``, else the service on this machine.
    cache
        Folder for downloaded spectra; None for the user's cache folder.

    Raises
    ------
    ArchiveError
        Nobody answers there.
    UserError
        Something answers that is no candidate service.

    Examples
    --------
    >>> import vo_emline as ve
    >>> service = ve.connect("http://localhost:8000")  # doctest: +SKIP
    >>> service.search(label="double-peak", min_score=0.9)  # doctest: +SKIP
    """
    return Client(ServiceAddress.parse(url), cache=Cache(Path(cache)) if cache else Cache())


class Client:
    """A candidate service, seen from Python. Made by :func:`connect`."""

    def __init__(self, address: ServiceAddress, *, cache: Cache) -> None:
        self.address = address
        self.cache = cache
        """Downloaded spectra: ``cache.info()``, ``cache.clear()``."""
        self._http = Session(SERVICE)
        self.tap = tap.open_service(address, session=self._http)
        """The TAP service as pyvo knows it."""
        self._spectra = Session(largest=LARGEST)
        self._samp: SampSession | None = None

    def __repr__(self) -> str:
        """Name the service."""
        return f"<Client of {self.address.base}>"

    def search(
        self,
        target: Target | None = None,
        *,
        radius: u.Quantity | str | None = None,
        label: str | Iterable[str] | None = None,
        min_score: float | None = None,
        min_snr: float | None = None,
        where: str = "",
        columns: Sequence[str] = (),
        limit: Limit = None,
        table: str | None = None,
    ) -> Candidates:
        """Find candidates; the surest emission comes first.

        Parameters
        ----------
        target
            A position, ``"ra dec"``, a LAMOST designation or a name (looked
            up here first, then by Sesame); None for the whole sky.
        radius
            Angle around the target, with unit (``5*u.arcmin``,
            ``"5 arcmin"``); 5 arcsec where not given.
        label
            One class or several; absorption is looked for in all spectra.
        min_score, min_snr
            Least probability of emission; least S/N per pixel in r.
        where, columns
            A further condition in ADQL; the columns to fetch (all where empty).
        limit
            Most rows; None for the service's usual limit (there is a
            :class:`TruncatedWarning` when it cuts), ``"all"`` for all it sends.
        table
            Another table than candidates (or scores, for absorption).
        """
        asked = constrain(
            target,
            lookup=self._position_of,
            radius=radius,
            label=label,
            min_score=min_score,
            min_snr=min_snr,
            where=where,
        )
        top = limit if isinstance(limit, int) else None
        query = queries.select(asked, columns=columns, limit=top, table=table)
        url = self.address.query(query, maxrec=self._rows(limit))
        return self._ask(query, maxrec=limit, url=url)

    def count(
        self,
        target: Target | None = None,
        *,
        radius: u.Quantity | str | None = None,
        label: str | Iterable[str] | None = None,
        min_score: float | None = None,
        min_snr: float | None = None,
        where: str = "",
        table: str | None = None,
    ) -> int:
        """Count what :meth:`search` with the same constraints would find."""
        asked = constrain(
            target,
            lookup=self._position_of,
            radius=radius,
            label=label,
            min_score=min_score,
            min_snr=min_snr,
            where=where,
        )
        return int(tap.run(self.tap, queries.count(asked, table=table)).table["n"][0])

    def adql(
        self, query: str, *, maxrec: Limit = None, uploads: Mapping[str, Any] | None = None
    ) -> Candidates:
        """Run a query in ADQL and wait for its rows.

        Parameters
        ----------
        query
            ADQL 2.1, over the tables that :meth:`describe` lists.
        maxrec
            Most rows; None for the service's usual limit, ``"all"`` for as
            many as it sends at once.
        uploads
            Tables to send along, by name; the query calls them
            ``TAP_UPLOAD.name``. Each an astropy table, the path of a VOTable,
            or :class:`Candidates`.

        Raises
        ------
        UserError
            The service refuses the query; the message is its reason.
        ArchiveError
            The service does not answer.

        Warns
        -----
        TruncatedWarning
            There are more rows than the service sent.
        """
        return self._ask(query, maxrec=maxrec, uploads=plain_uploads(uploads))

    def submit(self, query: str, *, maxrec: Limit = None, uploads: Mapping[str, Any] | None = None) -> Job:
        """Start a query as a job that runs on the service without us; parameters as for :meth:`adql`."""
        from vo_emline.client.jobs import Job

        with tap.plain_errors(self.address.tap):
            job = self.tap.submit_job(query, maxrec=self._rows(maxrec), uploads=plain_uploads(uploads))
            job.run()
        return Job(self, job, http=self._http, maxrec=maxrec)

    def job(self, url: str) -> Job:
        """Find a job again by its address."""
        from pyvo.dal.tap import AsyncTAPJob

        from vo_emline.client.jobs import Job

        with tap.plain_errors(url):
            return Job(self, AsyncTAPJob(url, session=self._http, delete=False), http=self._http)

    def describe(self, table: str | None = None) -> Table:
        """List the tables, or the columns of one.

        Raises
        ------
        UserError
            There is no such table.
        """
        from vo_emline.client.description import columns, tables

        return tables(self.tap) if table is None else columns(self.tap, table)

    def find(self, identifier: str) -> Row:
        """Give the row of one classified spectrum.

        Parameters
        ----------
        identifier
            Candidate id, publisher DID, LAMOST obsid or designation.

        Raises
        ------
        UserError
            There is none, or there are several.
        """
        found = self._ask(queries.named(identifier), maxrec=20)
        if len(found) == 0:
            raise UserError(f"{self.address.base} has no spectrum called {identifier!r}")
        if len(found) > 1:
            names = ", ".join(map(str, found["candidate_id"]))
            raise UserError(f"{len(found)} spectra are called {identifier!r}; name one of them: {names}")
        return found[0]

    def spectrum(self, identifier: str) -> Spectrum:
        """Fetch one spectrum.

        Parameters
        ----------
        identifier
            As for :meth:`find`; a publisher DID need not be classified.
        """
        if identifier.startswith("ivo://"):
            return self._read(self.address.spectrum(identifier, {"FORMAT": "native"}))
        return self.spectrum_of(self.find(identifier))

    def spectrum_of(self, row: Row) -> Spectrum:
        """Fetch the spectrum of a row, through the cache; the row completes its identity.

        Raises
        ------
        ArchiveError
            The service does not give it.
        DataError
            It cannot be read.
        """
        return identified(self._read(original_url(row, self.address)), row)

    def fetcher(self, *, cache: bool = True, parallel: int = PARALLEL, offline: bool = False) -> Fetcher:
        """Give what fetches addresses of this service."""
        return Fetcher(self._spectra, self.cache if cache else None, parallel=parallel, offline=offline)

    def samp_session(self, *, start_hub: bool = False) -> SampSession:
        """Give the connection to the SAMP hub, made on first use and ended by :meth:`close`."""
        from vo_emline.client.samp import SampSession

        if self._samp is None or not self._samp.connected:
            self._samp = SampSession.connect(start=start_hub)
        return self._samp

    def close(self) -> None:
        """Close connections: to the service, and to the SAMP hub if we are on it."""
        self._http.close()
        self._spectra.close()
        if self._samp is not None:
            self._samp.close()

    def wrap(self, answer: tap.Answer, query: str, *, maxrec: Limit, url: str | None = None) -> Candidates:
        """Make candidates of an answer, warning where it was cut short."""
        asked = None if maxrec == "all" else maxrec
        tap.warn_if_truncated(answer, asked=asked, service=self.tap)
        return Candidates(answer.table, self, adql=query, truncated=answer.truncated, url=url)

    def _ask(
        self,
        query: str,
        *,
        maxrec: Limit = None,
        uploads: Mapping[str, Any] | None = None,
        url: str | None = None,
    ) -> Candidates:
        answer = tap.run(self.tap, query, maxrec=self._rows(maxrec), uploads=uploads)
        return self.wrap(answer, query, maxrec=maxrec, url=url)

    def _read(self, url: str) -> Spectrum:
        return read_bytes(self.fetcher().fetch(url).content, source=url)

    def _rows(self, limit: Limit) -> int | None:
        """Give MAXREC for a limit."""
        return tap.hard_limit(self.tap) if limit == "all" else limit

    def _position_of(self, name: str) -> SkyCoord | None:
        """Look a name up among the classified spectra."""
        rows = tap.run(self.tap, queries.position_of(name)).table
        return SkyCoord(rows["ra"][0], rows["dec"][0], unit=u.deg) if len(rows) else None
