"""The LAMOST survey (www.lamost.org): SSA, cone search, SQL, catalogues, spectra; mirrors of its files.

Addresses and parameters are those of the survey's open API; what it answers is not always valid, which
:mod:`~vo_emline.net.votable` mends. A token is needed for internal releases only and is kept out of
logs, messages and manifests.

Mirrors of the survey's files come in many layouts (``<date>/<plan>/``, ``/lamost/<plan>/``, everything in
one folder), so that nothing is taken from folders; observations are joined across releases by ``OBSID``
or, where a release has none (DR1, DR2), by (LMJD, PLANID, SPID, FIBERID).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import requests
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, Table
from astropy.units import Quantity
from pyvo.dal import SCSResults

from vo_emline.archives.config import LamostArchive, archives
from vo_emline.archives.records import ArchiveRecord
from vo_emline.archives.search import SsaAnswer, SsaQuery, query_errors, search_ssa, search_tap
from vo_emline.errors import ArchiveError, UserError
from vo_emline.net.session import Session, join_url, redact
from vo_emline.net.votable import read_votable

Resolution = Literal["lrs", "mrs"]

_NAME = re.compile(r"^(?:spec|med)-(\d{5})-(.+)_sp(\d{2})-(\d{3})(?:\.|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One data release of the survey."""

    name: str
    """``dr10``."""
    version: str
    """``v2.0``."""
    public: bool
    """Whether it can be had without a token."""
    has_mrs: bool
    """Whether it holds medium-resolution spectra."""


class LamostService:
    """The services of one release.

    Parameters
    ----------
    release
        ``dr10``; by default as the configuration says.
    version
        ``v2.0``; by default as the configuration says.
    resolution
        ``lrs`` (R ≈ 1800) or ``mrs`` (R ≈ 7500).
    token
        For internal releases.
    config
        Addresses; by default those of the configuration.
    session
        Session to use; a new one by default.
    """

    def __init__(
        self,
        release: str | None = None,
        version: str | None = None,
        *,
        resolution: Resolution | None = None,
        token: str | None = None,
        config: LamostArchive | None = None,
        session: Session | None = None,
    ) -> None:
        self.config = config or archives().lamost
        self.release = release or self.config.release
        self.version = version or self.config.version
        self.resolution = resolution or self.config.resolution
        self._token = token
        self._session = session or Session()

    @property
    def base_url(self) -> str:
        """Address of the release."""
        return f"{self.config.openapi.rstrip('/')}/{self.release}/{self.version}"

    def spectrum_url(self, obsid: int | str) -> str:
        """Give the address of one spectrum (gzipped FITS)."""
        return self._url(f"{self.resolution}/spectrum/fits", {"obsid": str(obsid)})

    def record(self, obsid: int | str) -> ArchiveRecord:
        """Make the record of an observation of which only the identifier is known."""
        did = self.config.publisher_did.format(release=self.release, version=self.version, obsid=obsid)
        return ArchiveRecord(publisher_did=did, access_url=self.spectrum_url(obsid))

    def records(self, obsids: Iterable[int | str]) -> list[ArchiveRecord]:
        """Make the records of observations.

        Raises
        ------
        UserError
            If an identifier is no number.
        """
        listed = [str(obsid).strip() for obsid in obsids]
        for obsid in listed:
            if not obsid.isdigit():
                raise UserError(f"{obsid!r} is no LAMOST observation identifier (a whole number)")
        return [self.record(obsid) for obsid in dict.fromkeys(listed)]

    def search(self, query: SsaQuery) -> SsaAnswer:
        """Find spectra by SSA.

        Raises
        ------
        ArchiveError
            If the service cannot be reached or refuses.
        """
        url = self._url(f"{self.resolution}/voservice/ssap", {"output.fmt": "votable"})
        answer = search_ssa(url, query, session=self._session, lower_case=True)
        return replace(answer, records=[self._readdress(record) for record in answer.records])

    def cone(self, centre: SkyCoord, radius: Quantity) -> Table:
        """Find rows of the catalogue around a position.

        Parameters
        ----------
        centre
            Centre of the cone.
        radius
            Its radius.
        """
        inputs = {
            "ra": repr(float(centre.icrs.ra.deg)),
            "dec": repr(float(centre.icrs.dec.deg)),
            "sr": repr(float(radius.to_value(u.deg))),
            "output.fmt": "votable",
        }
        url = self._url(f"{self.resolution}/voservice/conesearch", inputs)
        clean = read_votable(self._get(url).content, redact(url))
        with query_errors("cone search", redact(url)):
            return SCSResults(clean.votable, url=redact(url), session=self._session).to_table()

    def sql(self, statement: str) -> Table:
        """Run an SQL query on the survey's catalogues (``combined``, ``med_combined``, …)."""
        url = self._url("sql", {"sql": statement, "output.fmt": "csv"})
        text = self._get(url).content.decode("utf-8-sig")
        if not text.strip() or text.lstrip().startswith(("{", "<")):
            raise ArchiveError(f"the service refused the SQL query: {text.strip()[:200]}", url=redact(url))
        return Table.read(text.splitlines(), format="ascii.csv")

    def query(
        self,
        catalogue: str,
        *,
        columns: Sequence[str],
        page: int = 1,
        rows: int = 1000,
        order: Literal["asc", "desc"] = "asc",
        **conditions: Any,
    ) -> Table:
        """Give one page of a catalogue.

        Parameters
        ----------
        catalogue
            ``combined`` (low resolution), ``med_combined``, …
        columns
            Columns to show.
        page, rows
            Which page, and how many rows a page has.
        order
            Direction of the order.
        **conditions
            Further fields of the service's query form.
        """
        form = {"page": page, "rows": rows, "showcol": list(columns), "order": order, "output.fmt": "json"}
        return table_of_rows(self._json(f"query/{catalogue}", body={**conditions, **form}))

    def result_pages(self, sqlid: int | str, *, rows: int = 1000) -> Iterator[Table]:
        """Give the pages of a query that the service keeps, until all its rows are there.

        Raises
        ------
        ArchiveError
            If a page is empty before all the rows that the service counts have come.
        """
        total = int(self._json("get_query_result_count", {"sqlid": str(sqlid)})["total"])
        got, page = 0, 1
        while got < total:
            inputs = {"sqlid": str(sqlid), "page": str(page), "rows": str(rows), "output.fmt": "json"}
            table = table_of_rows(self._json("get_query_result", inputs))
            if not len(table):
                raise ArchiveError(
                    f"page {page} is empty after {got} of {total} rows", url=self.base_url, retry=True
                )
            yield table
            got, page = got + len(table), page + 1

    def related_obsids(self, obsid: int | str) -> dict[Resolution, list[int]]:
        """Give all observations of the same star, by resolution."""
        said = self._json("get_unique_id_and_related_obsids", {"obsid": str(obsid)})
        return {"lrs": list(said.get("obsid-low") or []), "mrs": list(said.get("obsid-medium") or [])}

    def info(self, obsid: int | str) -> dict[str, Any]:
        """Give the catalogue's row of one observation."""
        said = self._json(f"{self.resolution}/spectrum/info", {"obsid": str(obsid)})
        rows = said.get("rows") or []
        if not rows:
            raise ArchiveError(f"no observation {obsid} in {self.release} {self.version}", url=self.base_url)
        return dict(table_of_rows(rows)[0])

    def tap_url(self) -> str:
        """Give the address of the release's TAP service."""
        return str(self._json("voservice/tap_url")["url"])

    def tap(self, adql: str, *, maxrec: int = 100_000) -> Table:
        """Run an ADQL query on the release's TAP service."""
        answer = search_tap(self.tap_url(), adql, maxrec=maxrec, session=self._session)
        return answer.table.to_table(use_names_over_ids=True)

    def releases(self) -> list[Release]:
        """List the releases that the survey serves."""
        url = f"{self.config.openapi.rstrip('/')}/dr_versions"
        said = self._get(url).json()["versions"]
        return [
            Release(
                name=item["dr_version"],
                version=item["sub_version"],
                public=item["public_status"] == "public",
                has_mrs=bool(item["has_mrs"]),
            )
            for item in said
        ]

    def _readdress(self, record: ArchiveRecord) -> ArchiveRecord:
        """Put the open API's address (and the token) in place of the one in the answer."""
        obsid = record.publisher_did.rpartition("/")[2]
        return replace(record, access_url=self.spectrum_url(obsid)) if obsid.isdigit() else record

    def _url(self, path: str, inputs: Mapping[str, str] | None = None) -> str:
        all_inputs = {**(inputs or {}), **({"token": self._token} if self._token else {})}
        url = f"{self.base_url}/{path}"
        return join_url(url, all_inputs)

    def _get(self, url: str, body: Mapping[str, Any] | None = None) -> requests.Response:
        with query_errors("LAMOST query", redact(url)):
            ask = self._session.get(url) if body is None else self._session.post(url, json=body)
            ask.raise_for_status()
        return ask

    def _json(
        self, path: str, inputs: Mapping[str, str] | None = None, *, body: Mapping[str, Any] | None = None
    ) -> Any:
        url = self._url(path, inputs)
        try:
            return self._get(url, body).json()
        except requests.JSONDecodeError as error:
            raise ArchiveError(f"the answer is not JSON: {error}", url=redact(url)) from error


def obsids_of(table: Table) -> list[str]:
    """Give the observation identifiers of a table.

    Raises
    ------
    UserError
        If it has no column ``obsid``.
    """
    if "obsid" not in table.colnames:
        raise UserError(f"the query gives no column obsid, but {', '.join(table.colnames[:10])}")
    return [str(value) for value in table["obsid"]]


def table_of_rows(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Make a table of rows.

    Columns whose values are all numbers, or text that reads as numbers, become
    numeric; nulls are masked.

    Parameters
    ----------
    rows
        One mapping per row; the first one tells the columns.
    """
    if not rows:
        return Table()
    return Table([_column(name, [row.get(name) for row in rows]) for name in rows[0]])


def _column(name: str, values: Sequence[Any]) -> MaskedColumn:
    null = [value is None or value == "" for value in values]
    for kind, filler in ((int, 0), (float, np.nan), (str, "")):
        try:
            data = [filler if gone else kind(value) for value, gone in zip(values, null, strict=True)]
        except (TypeError, ValueError):
            continue
        if kind is int and any(isinstance(value, float) for value in values):
            continue
        return MaskedColumn(data, name=name, mask=null)
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class FibreKey:
    """One fibre of one exposure plan of one night: an observation, whatever the release."""

    lmjd: int
    """Local modified Julian day."""
    planid: str
    spid: int
    """Spectrograph, 1–16."""
    fiberid: int
    """Fibre, 1–250."""

    @classmethod
    def from_name(cls, name: str | Path) -> FibreKey | None:
        """Read the key from a file name (``spec-55903-B90306_sp06-163.fits``), or give None."""
        found = _NAME.match(Path(name).name)
        if found is None:
            return None
        lmjd, planid, spid, fiberid = found.groups()
        return cls(int(lmjd), planid, int(spid), int(fiberid))


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What identifies an observation, as far as a release tells."""

    obsid: int | None = None
    fibre: FibreKey | None = None


def join_observations(left: Sequence[Observation], right: Sequence[Observation]) -> list[tuple[int, int]]:
    """Pair observations of two releases.

    Returns
    -------
    list of (int, int)
        Indices into `left` and `right`; by ``OBSID`` where both have one, else
        by fibre.
    """
    by_obsid = {item.obsid: index for index, item in enumerate(right) if item.obsid is not None}
    by_fibre = {item.fibre: index for index, item in enumerate(right) if item.fibre is not None}
    pairs = []
    for index, item in enumerate(left):
        match = by_obsid.get(item.obsid) if item.obsid is not None else None
        if match is None and item.fibre is not None:
            match = by_fibre.get(item.fibre)
        if match is not None:
            pairs.append((index, match))
    return pairs
