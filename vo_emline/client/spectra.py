"""Many spectra at a time: row *i* of a result and spectrum *i* belong together."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Final, overload

import numpy as np
from astropy.table import Row

from vo_emline.client.address import ServiceAddress
from vo_emline.errors import DataError, UserError
from vo_emline.net.cache import Download
from vo_emline.net.transfer import Fetcher
from vo_emline.rejects import Reject
from vo_emline.spectra import Spectrum, read_bytes


class MissingSpectraWarning(UserWarning):
    """Some spectra could not be fetched or read."""


class Spectra(Sequence[Spectrum | None]):
    """The spectra of a result, in the order of its rows.

    An item is None where the spectrum could not be had; :attr:`rejects`
    says why. Iterate over :attr:`good` to meet spectra only.
    """

    def __init__(self, items: Sequence[Spectrum | Reject]) -> None:
        self._items = tuple(items)

    @overload
    def __getitem__(self, index: int) -> Spectrum | None: ...
    @overload
    def __getitem__(self, index: slice) -> Spectra: ...
    def __getitem__(self, index: int | slice) -> Spectrum | Spectra | None:
        """Give one spectrum, or those of a slice."""
        if isinstance(index, slice):
            return Spectra(self._items[index])
        item = self._items[index]
        return None if isinstance(item, Reject) else item

    def __len__(self) -> int:
        """Count the rows, with or without a spectrum."""
        return len(self._items)

    def __iter__(self) -> Iterator[Spectrum | None]:
        """Go through the rows."""
        return (None if isinstance(item, Reject) else item for item in self._items)

    def __repr__(self) -> str:
        """Count what is there."""
        missing = f", {len(self.rejects)} missing (see .rejects)" if self.rejects else ""
        return f"<Spectra: {len(self.good)}{missing}>"

    @property
    def good(self) -> tuple[Spectrum, ...]:
        """The spectra that could be had."""
        return tuple(item for item in self._items if not isinstance(item, Reject))

    @property
    def rejects(self) -> tuple[Reject, ...]:
        """What could not be had, and why."""
        return tuple(item for item in self._items if isinstance(item, Reject))


def fetch_spectra(
    urls: Sequence[str], rows: Iterable[Row], fetcher: Fetcher, *, progress: bool = True
) -> Spectra:
    """Fetch and read the spectra of rows; warn (:class:`MissingSpectraWarning`) when some cannot be had."""
    with closing(fetcher.fetch_each(urls, progress=progress)) as downloads:
        spectra = Spectra([_read(item, row) for item, row in zip(downloads, rows, strict=True)])
    if spectra.rejects:
        first = spectra.rejects[0]
        warnings.warn(
            f"{len(spectra.rejects)} of {len(spectra)} spectra could not be had (see .rejects); "
            f"the first: {first.source}: {first.message}",
            MissingSpectraWarning,
            stacklevel=3,
        )
    return spectra


def original_url(row: Row, address: ServiceAddress) -> str:
    """Give the address of the original file of a row, else of its VOTable.

    Raises
    ------
    UserError
        The row has neither ``obs_publisher_did`` nor ``access_url``.
    """
    if "obs_publisher_did" in row.colnames:
        return address.spectrum(str(row["obs_publisher_did"]), {"FORMAT": "native"})
    if "access_url" in row.colnames:
        return str(row["access_url"])
    raise UserError(
        "the query asked neither for obs_publisher_did nor for access_url, by which spectra are found"
    )


def identified(spectrum: Spectrum, row: Row) -> Spectrum:
    """Complete the identity of a spectrum by what the table knows of it.

    What the file says stays; only what it leaves open is taken from `row`.
    """
    known = {
        field: _plain(row[column])
        for field, column in _FROM_TABLE.items()
        if column in row.colnames and not np.ma.is_masked(row[column])
    }
    missing = {
        field: value for field, value in known.items() if getattr(spectrum.identity, field) in (None, "")
    }
    return replace(spectrum, identity=replace(spectrum.identity, **missing))


_FROM_TABLE: Final = {
    "publisher_did": "obs_publisher_did", "obsid": "obsid", "designation": "designation", "ra": "ra",
    "dec": "dec", "epoch_mjd": "epoch_mjd", "snr_r": "snr_r", "spectral_class": "spectral_class",
    "spectral_subclass": "spectral_subclass",
}  # fmt: skip
"""Field of an identity → column of the published tables."""


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _read(download: Download | Reject, row: Row) -> Spectrum | Reject:
    if isinstance(download, Reject):
        return download
    try:
        return identified(read_bytes(download.content, source=download.url), row)
    except DataError as error:
        return Reject.from_error(error)
