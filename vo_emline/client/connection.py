"""The way in: connect to a candidate service and ask it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from vo_emline.client import labelling, queries
from vo_emline.client.address import ServiceAddress
from vo_emline.client.candidates import Candidates, plain_uploads
from vo_emline.client.labelling import LabelQueue
from vo_emline.client.queries import Position, Target, constrain
from vo_emline.client.service import Service
from vo_emline.client.tables import Listing
from vo_emline.client.tap import Job, warn_if_truncated
from vo_emline.errors import UserError
from vo_emline.labelling.log import queue_name
from vo_emline.net.cache import Cache
from vo_emline.net.rows import Row, Rows
from vo_emline.net.votable import Answer

if TYPE_CHECKING:
    from astropy.units import Quantity

    from vo_emline.client.widget import LabelWidget
    from vo_emline.spectra import Spectrum

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


class Client(Service):
    """A candidate service, seen from Python. Made by :func:`connect`."""

    def __repr__(self) -> str:
        """Name the service."""
        return f"<Client of {self.address.base}>"

    def search(
        self,
        target: Target | None = None,
        *,
        radius: Quantity | str | None = None,
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

    def objects(
        self,
        target: Target | None = None,
        *,
        radius: Quantity | str | None = None,
        label: str | Iterable[str] | None = None,
        min_score: float | None = None,
        min_epochs: int = 1,
        changed: float | None = None,
        where: str = "",
        columns: Sequence[str] = (),
        limit: Limit = None,
    ) -> Candidates:
        """Find stars: one row for all spectra of each; the surest emission comes first.

        Parameters
        ----------
        target, radius, label, min_score, where, columns, limit
            As for :meth:`search`, of the table ``emline.objects``.
        min_epochs
            Times it was observed at least.
        changed
            Least significance (standard deviations) with which its equivalent width changed.

        Examples
        --------
        >>> import vo_emline as ve
        >>> service = ve.connect("http://localhost:8000")  # doctest: +SKIP
        >>> stars = service.objects(min_epochs=2, changed=5)  # doctest: +SKIP
        >>> service.epochs(stars[0]["object_id"]).variability()  # doctest: +SKIP
        """
        conditions = [f"n_epochs >= {int(min_epochs)}"] if min_epochs > 1 else []
        conditions += [f"ew_change >= {float(changed)!r}"] if changed is not None else []
        conditions += [f"({where})"] if where else []
        return self.search(
            target,
            radius=radius,
            label=label,
            min_score=min_score,
            where=" AND ".join(conditions),
            columns=columns,
            limit=limit,
            table=queries.OBJECTS,
        )

    def epochs(self, identifier: str) -> Candidates:
        """Give every spectrum of a star, in the order of time.

        Parameters
        ----------
        identifier
            Of the star (``object_id``), or of one of its spectra, as for :meth:`find`.

        Raises
        ------
        UserError
            There is none.
        """
        found = self._ask(queries.epochs_of(identifier))
        if len(found) == 0:
            raise UserError(f"{self.address.base} has no star with a spectrum called {identifier!r}")
        return found

    def count(
        self,
        target: Target | None = None,
        *,
        radius: Quantity | str | None = None,
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
        return int(self.queries.run(queries.count(asked, table=table)).rows["n"][0])

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

    def submit(
        self, query: str, *, maxrec: Limit = None, uploads: Mapping[str, Any] | None = None
    ) -> Job[Candidates]:
        """Start a query as a job that runs on the service without us; parameters as for :meth:`adql`."""
        url = self.queries.submit(query, maxrec=self._rows(maxrec), uploads=plain_uploads(uploads))
        return self._job(url, maxrec)

    def job(self, url: str) -> Job[Candidates]:
        """Find a job again by its address."""
        return self._job(url, None)

    def _job(self, url: str, maxrec: Limit) -> Job[Candidates]:
        return Job(self.queries.session, url, lambda answer, adql: self._wrap(answer, adql, maxrec=maxrec))

    def describe(self, table: str | None = None) -> Listing:
        """List the tables, or the columns of one with types, units, UCDs and descriptions.

        Raises
        ------
        UserError
            There is no such table.
        """
        tables = self._all(queries.tables())
        if table is None:
            return Listing(tables, f"Tables of {self.address.base}", ["n_columns"])
        columns = self._all(queries.columns_of(table))
        if not len(columns):
            raise UserError(f"the service has no table {table!r}; it has {', '.join(tables['table_name'])}")
        return Listing(columns, f"Columns of {table}", ["datatype", "unit", "ucd"])

    def _all(self, query: str) -> Rows:
        return self.queries.run(query, maxrec=self.queries.hard_limit).rows

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
        return found.rows.row(0)

    def look_up(self, identifier: str) -> Row | None:
        """Do as :meth:`find`; give None for a publisher DID that is not classified."""
        if not identifier.startswith("ivo://"):
            return self.find(identifier)
        found = self.queries.run(queries.named(identifier), maxrec=1).rows
        return found.row(0) if len(found) else None

    def spectrum(self, identifier: str) -> Spectrum:
        """Fetch one spectrum.

        Parameters
        ----------
        identifier
            As for :meth:`find`; a publisher DID need not be classified.
        """
        if identifier.startswith("ivo://"):
            return self.spectrum_at(self.address.spectrum(identifier, {"FORMAT": "native"}))
        return self.spectrum_of(self.find(identifier))

    def queues(self) -> list[dict[str, Any]]:
        """List the queues of spectra to be labelled: ``name``, ``kind``, ``size``, ``labelled``, ``mine``.

        Raises
        ------
        UserError
            One may not label here: see :meth:`enter`.
        """
        found: list[dict[str, Any]] = labelling.ask(self.labels, self.address.base, "GET", "queues")
        return found

    def queue(self, name: str) -> LabelQueue:
        """Give a queue of spectra to be labelled, one after the other.

        Examples
        --------
        >>> queue = service.queue("audit-1")  # doctest: +SKIP
        >>> while (spectrum := queue.next()) is not None:  # doctest: +SKIP
        ...     queue.label(spectrum, "double-peak")
        """
        return LabelQueue(self.labels, self.address.base, queue_name(name))

    def make_queue(
        self, spectra: Candidates | Iterable[str], *, name: str = "", overlap: int = 1
    ) -> LabelQueue:
        """Make a queue of some spectra, in their order; for owners.

        Parameters
        ----------
        spectra
            Candidates – what was selected in TOPCAT, too – or identifiers: of candidates, or publisher DIDs.
        name
            Of the queue; by default one that is made for it.
        overlap
            People who are to look at each.

        Raises
        ------
        UserError
            One may not make queues here, a spectrum is unknown, the name is taken, or the candidates have no
            column ``obs_publisher_did``.

        Examples
        --------
        >>> linked = service.search(label="double-peak").samp()  # doctest: +SKIP
        >>> queue = service.make_queue(linked.selection)  # rows selected in TOPCAT  # doctest: +SKIP
        """
        names = spectra.publisher_dids if isinstance(spectra, Candidates) else list(spectra)
        asked = {"kind": "list", "name": name, "overlap": overlap, "names": names}
        made = labelling.ask(self.labels, self.address.base, "POST", "queues", json=asked)
        return self.queue(made["name"])

    def label_widget(self, name: str) -> LabelWidget:
        """Give a widget for notebooks on a queue: the spectrum, buttons for profiles, undo and skip, comment.

        Raises
        ------
        UserError
            There is no such queue, or the package ipywidgets is missing (extra ``notebook``).
        """
        from vo_emline.client.widget import LabelWidget  # slow to import

        return LabelWidget(self.queue(name))

    def enter(self, link: str) -> None:
        """Accept an invitation to label, the link that `vo-emline label invite` printed.

        Raises
        ------
        UserError
            It is none to this service, or is too old or revoked.
        """
        labelling.enter(self.labels, self.address.base, link)

    def _ask(
        self,
        query: str,
        *,
        maxrec: Limit = None,
        uploads: Mapping[str, Any] | None = None,
        url: str | None = None,
    ) -> Candidates:
        answer = self.queries.run(query, maxrec=self._rows(maxrec), uploads=uploads)
        return self._wrap(answer, query, maxrec=maxrec, url=url)

    def _wrap(self, answer: Answer, query: str, *, maxrec: Limit, url: str | None = None) -> Candidates:
        """Make candidates of an answer, warning where it was cut short."""
        asked = None if maxrec == "all" else maxrec
        warn_if_truncated(answer, asked=asked, hard_limit=self.queries.hard_limit)
        return Candidates(answer.rows, self, adql=query, truncated=answer.truncated, url=url)

    def _rows(self, limit: Limit) -> int | None:
        """Give MAXREC for a limit."""
        return self.queries.hard_limit if limit == "all" else limit

    def _position_of(self, name: str) -> Position | None:
        """Look a name up among the classified spectra."""
        rows = self.queries.run(queries.position_of(name)).rows
        return (float(rows["ra"][0]), float(rows["dec"][0])) if len(rows) else None
