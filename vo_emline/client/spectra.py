"""The spectra of a result, as objects and as files: row *i* and spectrum *i* belong together."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, overload

import numpy as np

from vo_emline.client.address import ServiceAddress
from vo_emline.errors import DataError, UserError
from vo_emline.files import write_bytes
from vo_emline.net.cache import Download
from vo_emline.net.rows import Row, Rows
from vo_emline.net.transfer import Fetcher
from vo_emline.rejects import Reject

if TYPE_CHECKING:
    from vo_emline.spectra import Spectrum

SUFFIXES: Final = {
    "votable": ".vot",
    "fits": ".fits",
    "csv": ".csv",
    "tsv": ".txt",
    "ecsv": ".ecsv",
    "native": "",
}
"""Formats a service delivers, and the suffix of each; ``native`` keeps the name of the original file."""

_UNSAFE = re.compile(r"[^A-Za-z0-9_.+-]+")


class MissingSpectraWarning(UserWarning):
    """Some spectra could not be fetched or read."""


class Spectra(Sequence["Spectrum | None"]):
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
    if did := row.text("obs_publisher_did"):
        return address.spectrum(did, {"FORMAT": "native"})
    if url := row.text("access_url"):
        return url
    raise UserError(
        "the query asked neither for obs_publisher_did nor for access_url, by which spectra are found"
    )


def identified(spectrum: Spectrum, row: Row) -> Spectrum:
    """Complete the identity of a spectrum by what the table knows of it.

    What the file says stays; only what it leaves open is taken from `row`.
    """
    known = {field: _plain(row[column]) for field, column in _FROM_TABLE.items() if row.has(column)}
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


def read_content(download: Download) -> Spectrum:
    """Read a downloaded spectrum.

    Raises
    ------
    DataError
        It cannot be read.
    """
    from vo_emline.spectra import read_bytes  # slow to import

    return read_bytes(download.content, source=download.url)


def _read(download: Download | Reject, row: Row) -> Spectrum | Reject:
    if isinstance(download, Reject):
        return download
    try:
        return identified(read_content(download), row)
    except DataError as error:
        return Reject.from_error(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadReport:
    """What came of a download: rows = saved + present + rejects."""

    saved: tuple[Path, ...]
    """Files written now."""
    present: tuple[Path, ...]
    """Files that were there already."""
    rejects: tuple[Reject, ...]
    """What could not be had, and why."""

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{len(self.saved)} saved, {len(self.present)} there already, {len(self.rejects)} failed"


def save_spectra(
    rows: Rows,
    address: ServiceAddress,
    fetcher: Fetcher,
    folder: Path,
    *,
    file_format: str,
    progress: bool = True,
) -> DownloadReport:
    """Save the spectra of rows as files; what is there already is not asked for again.

    Parameters
    ----------
    rows
        Whose spectra.
    address
        The service they are of.
    fetcher
        How to fetch.
    folder
        Where to.
    file_format
        One of :data:`SUFFIXES`.

    Raises
    ------
    UserError
        There is no such format.
    """
    if file_format not in SUFFIXES:
        raise UserError(f"there is no format {file_format!r}; the formats are {', '.join(SUFFIXES)}")
    stems = file_stems(rows)
    known = {stem: found for stem in stems if (found := _existing(folder, stem, file_format)) is not None}
    urls = dict(zip(stems, product_urls(rows, address, file_format), strict=True))
    wanted = {stem: url for stem, url in urls.items() if stem not in known}
    saved, rejects = [], []
    answers = fetcher.fetch_each(list(wanted.values()), progress=progress, description="downloading")
    with closing(answers):
        for stem, answer in zip(wanted, answers, strict=True):
            if isinstance(answer, Reject):
                rejects.append(answer)
            else:
                saved.append(_save(answer, folder, stem, file_format))
    present = tuple(known[stem] for stem in stems if stem in known)
    return DownloadReport(saved=tuple(saved), present=present, rejects=tuple(rejects))


def product_urls(rows: Rows, address: ServiceAddress, file_format: str = "votable") -> list[str]:
    """Give the addresses of the spectra in a format, one per row.

    Raises
    ------
    UserError
        The query did not ask for what names spectra.
    """
    if file_format == "votable" and "access_url" in rows:
        return [str(url) for url in rows["access_url"]]
    if "obs_publisher_did" not in rows:
        raise UserError(
            "the query did not ask for the column 'obs_publisher_did', by which spectra are named; "
            f"it gave {', '.join(rows.names)}"
        )
    parameters = {} if file_format == "votable" else {"FORMAT": file_format}
    return [address.spectrum(str(did), parameters) for did in rows["obs_publisher_did"]]


def file_stems(rows: Rows) -> list[str]:
    """Give a file name without suffix for each row: what identifies it, then what people call it.

    Raises
    ------
    UserError
        The query asked for no column that identifies a spectrum, or for a row twice.
    """
    names = [name for name in ("candidate_id", "obs_publisher_did", "designation") if name in rows]
    if not names:
        raise UserError("the query asked for no column that identifies a spectrum (candidate_id)")
    parts = dict.fromkeys([names[0], "designation"] if "designation" in names else names[:1])
    stems = ["_".join(_safe(str(row[part])) for part in parts) for row in rows]
    if len(set(stems)) < len(stems):
        raise UserError(
            "several rows would get one file name; ask for the column candidate_id, and for no row twice"
        )
    return stems


def _existing(folder: Path, stem: str, file_format: str) -> Path | None:
    if SUFFIXES[file_format]:
        path = folder / f"{stem}{SUFFIXES[file_format]}"
        return path if path.exists() else None
    return next(iter(sorted(folder.glob(f"{stem}__*"))), None)


def _save(answer: Download, folder: Path, stem: str, file_format: str) -> Path:
    original = f"__{_safe(answer.filename) or 'original'}"
    path = folder / f"{stem}{SUFFIXES[file_format] or original}"
    write_bytes(path, answer.content)
    return path


def _safe(text: str) -> str:
    return _UNSAFE.sub("-", text).strip("-.")
