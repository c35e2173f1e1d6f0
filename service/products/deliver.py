"""From a checked request to the bytes of the answer. Everything here blocks: call it in a thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from service.errors import NotFoundError
from service.products.entries import Entry, find_entries, original_type, read_spectrum
from service.products.product import Product, make_product
from service.products.request import CSV, ECSV, FITS, NATIVE, TABLEDATA, TSV, VOTABLE, SpectrumRequest
from service.products.writers import write_csv, write_ecsv, write_fits, write_tsv, write_votable
from service.store import ReleaseStore
from vo_emline.errors import DataError, UserError
from vo_emline.spectra import Spectrum
from vo_emline.spectra.names import stem

logger = structlog.stdlib.get_logger("service")

WRITERS: Final[Mapping[str, Callable[[Product], bytes]]] = {
    VOTABLE.name: write_votable,
    TABLEDATA.name: lambda product: write_votable(product, tabledata=True),
    FITS.name: write_fits,
    CSV.name: write_csv,
    TSV.name: write_tsv,
    ECSV.name: write_ecsv,
}
"""The writer of each format that is made here, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An answer: bytes, what they are, and a name to save them under."""

    content: bytes
    media_type: str
    filename: str


def deliver_spectrum(store: ReleaseStore, request: SpectrumRequest) -> Delivery | None:
    """Make what `request` asks for; None where the cut-out holds no pixel (SODA 1.0, section 5.3).

    Raises
    ------
    NotFoundError
        There is no such spectrum, or its file is gone or unreadable.
    UserError
        The flux cannot be brought to the asked scale, or a processed *original* is asked for.
    """
    entry = find_entry(store, request.did)
    if request.format is NATIVE:
        if request.processed:
            raise UserError(
                "UsageFault: FORMAT=native is the untouched file; leave out BAND, FLUXCALIB and MEDIUM"
            )
        return _original(entry)
    spectrum = open_spectrum(entry)
    try:
        product = make_product(entry, spectrum, request)
    except DataError as error:
        raise UserError(f"UsageFault: {error.message}") from error
    if product is None:
        return None
    return Delivery(
        content=WRITERS[request.format.name](product),
        media_type=request.format.media_type,
        filename=stem(entry.path.name) + request.format.suffix,
    )


def deliver_original(store: ReleaseStore, did: str) -> Delivery:
    """Give the original file of a spectrum.

    Raises
    ------
    NotFoundError
        There is no such spectrum, or its file is gone.
    """
    return _original(find_entry(store, did))


def find_entry(store: ReleaseStore, did: str) -> Entry:
    """Look up one spectrum.

    Raises
    ------
    NotFoundError
        It is not in the index.
    """
    with store.lease() as release:
        entry = find_entries(release, [did]).get(did)
    if entry is None:
        raise NotFoundError(f"NotFoundFault: there is no spectrum {did[:200]}")
    return entry


def open_spectrum(entry: Entry) -> Spectrum:
    """Read the file of `entry`.

    Raises
    ------
    NotFoundError
        The file is gone or unreadable.
    """
    try:
        return read_spectrum(entry)
    except (FileNotFoundError, DataError) as error:
        raise _gone(entry, error) from error


def _original(entry: Entry) -> Delivery:
    try:
        content = entry.file.read_bytes()
    except OSError as error:
        raise _gone(entry, error) from error
    return Delivery(
        content=content, media_type=original_type(entry.layout, entry.file), filename=entry.file.name
    )


def _gone(entry: Entry, error: Exception) -> NotFoundError:
    """Tell the operator which file and why, and the client that there is nothing."""
    logger.warning(
        "spectrum_unreadable", did=entry.obs_publisher_did, path=str(entry.path), reason=str(error)
    )
    return NotFoundError(f"NotFoundFault: the file of {entry.obs_publisher_did} is gone or unreadable")
