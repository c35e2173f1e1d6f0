"""What a query found: rows that know their spectra."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vo_emline.client import tables
from vo_emline.client.service import Service
from vo_emline.client.spectra import (
    DownloadReport,
    Spectra,
    fetch_spectra,
    original_url,
    product_urls,
    save_spectra,
)
from vo_emline.errors import UserError
from vo_emline.net.rows import Row, Rows
from vo_emline.net.transfer import PARALLEL

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from astropy.coordinates import SkyCoord
    from astropy.table import Table
    from matplotlib.figure import Figure

    from vo_emline.client.linked import LinkedCandidates
    from vo_emline.spectra import Spectrum


class Candidates:
    """The rows of a query, with ways to their spectra, figures and other programs.

    Prints as a table; ``len()`` counts rows; ``result[3]`` is a row,
    ``result["score"]`` a column, and a slice, mask or list of row numbers
    gives fewer candidates.

    Parameters
    ----------
    rows
        The rows, with units and UCDs; an astropy table will do.
    client
        The service they came from.
    adql
        The query.
    truncated
        Whether the service had more rows than it sent.
    url
        Address that gives the same rows in the same order to any program;
        None where there is none (slices, jobs, uploads).
    """

    def __init__(
        self,
        rows: Rows | Table,
        client: Service,
        *,
        adql: str,
        truncated: bool = False,
        url: str | None = None,
    ) -> None:
        self.rows = rows if isinstance(rows, Rows) else Rows.from_astropy(rows)
        """The rows as columns of numpy."""
        self.client = client
        self.adql = adql
        self.truncated = truncated
        self.url = url

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        """Go through the rows."""
        return iter(self.rows)

    @cached_property
    def table(self) -> Table:
        """The rows as an astropy table."""
        return self.rows.to_astropy()

    def __getitem__(self, key: Any) -> Any:
        """Give a row (int), a column (str), or fewer candidates (slice, mask, row numbers)."""
        if isinstance(key, str):
            self._column(key)
            return self.table[key]
        if isinstance(key, int | np.integer):
            return self.rows.row(int(key))
        return Candidates(self.rows.take(key), self.client, adql=self.adql, truncated=self.truncated)

    def __repr__(self) -> str:
        """Draw the rows for a terminal."""
        return tables.as_text(self.rows, self._head())

    def _repr_html_(self) -> str:
        return tables.as_html(self.rows, self._head())

    def _head(self) -> str:
        return tables.headline(len(self), truncated=self.truncated, source=self.client.address.base)

    @property
    def skycoord(self) -> SkyCoord:
        """Positions, ICRS.

        Raises
        ------
        UserError
            The query did not ask for ``ra`` and ``dec``.
        """
        from astropy.coordinates import SkyCoord

        ra, dec = (np.ma.filled(self._column(name), np.nan) for name in ("ra", "dec"))
        return SkyCoord(ra, dec, unit="deg", frame="icrs")

    @property
    def publisher_dids(self) -> list[str]:
        """Identifiers of the spectra, one per row.

        Raises
        ------
        UserError
            The query did not ask for ``obs_publisher_did``.
        """
        return [str(did) for did in self._column("obs_publisher_did")]

    def to_table(self) -> Table:
        """Give a copy of the rows as an astropy table."""
        return self.table.copy()

    def to_pandas(self) -> pd.DataFrame:
        """Give the rows as a pandas DataFrame."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    def to_arrow(self) -> pa.Table:
        """Give the rows as an Arrow table; units, UCDs and descriptions are field metadata."""
        return tables.to_arrow(self.rows)

    def to_csv(self) -> str:
        """Give the rows as CSV with one line of column names."""
        return tables.to_csv(self.rows)

    def write(self, path: str | Path) -> None:
        """Write the rows as CSV, VOTable, Parquet, FITS or ECSV, by the suffix of `path`."""
        tables.write(self.rows, Path(path))

    @property
    def spectrum_urls(self) -> list[str]:
        """Addresses of the spectra as VOTables, one per row: for programs of the Virtual Observatory.

        Raises
        ------
        UserError
            The query asked neither for ``access_url`` nor for ``obs_publisher_did``.
        """
        return product_urls(self.rows, self.client.address)

    @property
    def original_urls(self) -> list[str]:
        """Addresses of the original files, one per row: nothing is lost, and they are read fastest.

        Where the query did not ask for ``obs_publisher_did``, the addresses
        of the spectra as VOTables.
        """
        return [original_url(row, self.client.address) for row in self.rows]

    def spectra(
        self, *, parallel: int = PARALLEL, cache: bool = True, offline: bool = False, progress: bool = True
    ) -> Spectra:
        """Fetch the spectra of all rows.

        Parameters
        ----------
        parallel
            Requests at a time.
        cache
            Keep them on disk, and use what is there.
        offline
            Use the cache only.
        progress
            Show a bar on a terminal.

        Returns
        -------
        Spectra
            Item *i* belongs to row *i*; None where it could not be had.

        Warns
        -----
        MissingSpectraWarning
            Some could not be had.
        """
        fetcher = self.client.fetcher(cache=cache, parallel=parallel, offline=offline)
        return fetch_spectra(self.original_urls, self.rows, fetcher, progress=progress)

    def spectrum(self, row: int = 0) -> Spectrum:
        """Fetch the spectrum of one row.

        Raises
        ------
        ArchiveError
            The service does not give it.
        DataError
            It cannot be read.
        """
        return self.client.spectrum_of(self.rows.row(row))

    def to_specutils(self, *, progress: bool = True) -> Any:
        """Fetch the spectra as a :class:`specutils.SpectrumList` (extra ``specutils``)."""
        from vo_emline.client.specutils import to_spectrum_list

        return to_spectrum_list(self.spectra(progress=progress).good)

    def download(
        self,
        folder: str | Path,
        *,
        file_format: str = "votable",
        parallel: int = PARALLEL,
        progress: bool = True,
    ) -> DownloadReport:
        """Save the spectra of all rows as files.

        Parameters
        ----------
        folder
            Where to; files that are there already are left alone.
        file_format
            ``votable``, ``fits``, ``csv``, ``tsv``, ``ecsv`` or ``native`` (the original file).
        """
        fetcher = self.client.fetcher(cache=False, parallel=parallel)
        return save_spectra(
            self.rows, self.client.address, fetcher, Path(folder), file_format=file_format, progress=progress
        )

    def plot(self) -> Figure:
        """Draw where the candidates are on the sky, and their scores against S/N."""
        from vo_emline.client.drawing import overview

        return overview(self.rows, self.skycoord)

    def variability(self) -> Figure:
        """Draw equivalent width, V/R and velocity against time, as of :meth:`Client.epochs`.

        Raises
        ------
        UserError
            The query did not ask for ``epoch_mjd``.
        """
        from vo_emline.client.drawing import variability

        self._column("epoch_mjd")
        return variability(self.rows)

    def gallery(self, n: int = 12, *, columns: int = 4) -> Figure:
        """Fetch the first `n` spectra and draw them around Hα."""
        from vo_emline.client.drawing import gallery

        first = self[:n]
        return gallery(first.rows, first.spectra(), columns=columns)

    def samp(
        self, *, to: str | None = None, start_hub: bool = False, name: str = ""
    ) -> LinkedCandidates[Candidates]:
        """Load the rows in TOPCAT, Aladin and others, and stay linked with them.

        Parameters
        ----------
        to
            Name of one application; None for all that load tables.
        start_hub
            Start a SAMP hub where none is running.
        name
            Title of the table there.

        Raises
        ------
        UserError
            There is no hub, or nobody to take the table.
        RefusedError
            Nobody took it.
        """
        from vo_emline.client.linked import LinkedCandidates

        linked = LinkedCandidates(self, self.client.samp_session(start_hub=start_hub), name=name)
        linked.load(to=to)
        return linked

    def _column(self, name: str) -> Any:
        if name not in self.rows:
            given = ", ".join(self.rows.names)
            raise UserError(f"the query did not ask for the column {name!r}; it gave {given}")
        return self.rows[name]


def plain_uploads(uploads: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Give tables to be uploaded: the rows of candidates, the rest as it is."""
    if uploads is None:
        return None
    return {name: item.rows if isinstance(item, Candidates) else item for name, item in uploads.items()}
