"""What a query found: a table that knows its spectra."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.table import Row, Table

from vo_emline.client import convert, display
from vo_emline.client.spectra import Spectra, fetch_spectra, original_url
from vo_emline.errors import UserError
from vo_emline.net.transfer import PARALLEL
from vo_emline.spectra import Spectrum

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from matplotlib.figure import Figure

    from vo_emline.client.connection import Client
    from vo_emline.client.download import DownloadReport
    from vo_emline.client.linked import LinkedCandidates


class Candidates:
    """The rows of a query, with ways to their spectra, figures and other programs.

    Prints as a table; ``len()`` counts rows; ``result[3]`` is a row,
    ``result["score"]`` a column, and a slice, mask or list of row numbers
    gives fewer candidates.

    Parameters
    ----------
    table
        The rows, with units and UCDs.
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
        self, table: Table, client: Client, *, adql: str, truncated: bool = False, url: str | None = None
    ) -> None:
        self.table = table
        """The rows as an astropy table."""
        self.client = client
        self.adql = adql
        self.truncated = truncated
        self.url = url

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.table)

    def __iter__(self) -> Iterator[Row]:
        """Go through the rows."""
        return iter(self.table)

    def __getitem__(self, key: Any) -> Any:
        """Give a row (int), a column (str), or fewer candidates (slice, mask, row numbers)."""
        if isinstance(key, str | int | np.integer):
            return self.table[key]
        return Candidates(self.table[key], self.client, adql=self.adql, truncated=self.truncated)

    def __repr__(self) -> str:
        """Draw the rows for a terminal."""
        return display.as_text(self.table, self._head())

    def _repr_html_(self) -> str:
        return display.as_html(self.table, self._head())

    def _head(self) -> str:
        return display.headline(len(self), truncated=self.truncated, source=self.client.address.base)

    @property
    def skycoord(self) -> SkyCoord:
        """Positions, ICRS.

        Raises
        ------
        UserError
            The query did not ask for ``ra`` and ``dec``.
        """
        return SkyCoord(self._column("ra"), self._column("dec"), unit=u.deg, frame="icrs")

    def to_table(self) -> Table:
        """Give a copy of the rows as an astropy table."""
        return self.table.copy()

    def to_pandas(self) -> pd.DataFrame:
        """Give the rows as a pandas DataFrame."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    def to_arrow(self) -> pa.Table:
        """Give the rows as an Arrow table; units, UCDs and descriptions are field metadata."""
        return convert.to_arrow(self.table)

    def to_csv(self) -> str:
        """Give the rows as CSV with one line of column names."""
        return convert.to_csv(self.table)

    def write(self, path: str | Path) -> None:
        """Write the rows as CSV, VOTable, Parquet, FITS or ECSV, by the suffix of `path`."""
        convert.write(self.table, Path(path))

    @property
    def spectrum_urls(self) -> list[str]:
        """Addresses of the spectra as VOTables, one per row: for programs of the Virtual Observatory.

        Raises
        ------
        UserError
            The query asked neither for ``access_url`` nor for ``obs_publisher_did``.
        """
        if "access_url" in self.table.colnames:
            return [str(url) for url in self.table["access_url"]]
        return [self.client.address.spectrum(str(did)) for did in self._column("obs_publisher_did")]

    @property
    def original_urls(self) -> list[str]:
        """Addresses of the original files, one per row: nothing is lost, and they are read fastest.

        Where the query did not ask for ``obs_publisher_did``, the addresses
        of the spectra as VOTables.
        """
        return [original_url(row, self.client.address) for row in self.table]

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
        return fetch_spectra(self.original_urls, self.table, fetcher, progress=progress)

    def spectrum(self, row: int = 0) -> Spectrum:
        """Fetch the spectrum of one row.

        Raises
        ------
        ArchiveError
            The service does not give it.
        DataError
            It cannot be read.
        """
        return self.client.spectrum_of(self.table[row])

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
        from vo_emline.client.download import download

        return download(self, Path(folder), file_format=file_format, parallel=parallel, progress=progress)

    def plot(self) -> Figure:
        """Draw where the candidates are on the sky, and their scores against S/N."""
        from vo_emline.client.drawing import overview

        return overview(self)

    def gallery(self, n: int = 12, *, columns: int = 4) -> Figure:
        """Fetch the first `n` spectra and draw them around Hα."""
        from vo_emline.client.drawing import gallery

        return gallery(self[:n], columns=columns)

    def samp(self, *, to: str | None = None, start_hub: bool = False, name: str = "") -> LinkedCandidates:
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

    def _column(self, name: str) -> Sequence[Any]:
        if name not in self.table.colnames:
            raise UserError(
                f"the query did not ask for the column {name!r}; it gave {', '.join(self.table.colnames)}"
            )
        column: Sequence[Any] = self.table[name]
        return column


def plain_uploads(uploads: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Give tables to be uploaded as pyvo takes them: the tables of candidates, the rest as it is."""
    if uploads is None:
        return None
    return {name: item.table if isinstance(item, Candidates) else item for name, item in uploads.items()}
