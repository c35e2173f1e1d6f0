"""A candidate service as its results need it: where it is, how it is asked, how its spectra come."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from vo_emline.client.address import ServiceAddress
from vo_emline.client.spectra import identified, original_url, read_content
from vo_emline.client.tap import Tap
from vo_emline.net.cache import Cache
from vo_emline.net.rows import Row
from vo_emline.net.session import Session
from vo_emline.net.transfer import LARGEST, PARALLEL, Fetcher

if TYPE_CHECKING:
    from vo_emline.client.samp import SampSession
    from vo_emline.spectra import Spectrum


class Service:
    """A service that answers.

    Parameters
    ----------
    address
        Where it is.
    cache
        Where its spectra are kept.

    Raises
    ------
    ArchiveError
        Nobody answers there.
    UserError
        Something answers that is no TAP service.
    """

    def __init__(self, address: ServiceAddress, *, cache: Cache) -> None:
        self.address = address
        self.cache = cache
        """Downloaded spectra: ``cache.info()``, ``cache.clear()``."""
        self.queries = Tap(address)
        """How it is asked."""
        self._downloads = Session(largest=LARGEST)
        self._samp: SampSession | None = None

    @cached_property
    def tap(self) -> Any:
        """The TAP service as pyvo knows it (:class:`pyvo.dal.TAPService`), over the same connections."""
        from pyvo.dal import TAPService  # slow to import

        return TAPService(self.address.tap, session=self.queries.session)

    @cached_property
    def labels(self) -> Session:
        """The connections over which one labels; they know who it is."""
        from vo_emline.client.labelling import new_session

        return new_session()

    def fetcher(self, *, cache: bool = True, parallel: int = PARALLEL, offline: bool = False) -> Fetcher:
        """Give what fetches addresses of this service; its connections are used again."""
        return Fetcher(self._downloads, self.cache if cache else None, parallel=parallel, offline=offline)

    def spectrum_of(self, row: Row) -> Spectrum:
        """Fetch the spectrum of a row, through the cache; the row completes its identity.

        Raises
        ------
        ArchiveError
            The service does not give it.
        DataError
            It cannot be read.
        """
        return identified(self.spectrum_at(original_url(row, self.address)), row)

    def spectrum_at(self, url: str) -> Spectrum:
        """Fetch the spectrum at an address; errors as for :meth:`spectrum_of`."""
        return read_content(self.fetcher().fetch(url))

    def samp_session(self, *, start_hub: bool = False) -> SampSession:
        """Give the connection to the SAMP hub, made on first use and ended by :meth:`close`."""
        from vo_emline.client.samp import SampSession

        if self._samp is None or not self._samp.connected:
            self._samp = SampSession.connect(start=start_hub)
        return self._samp

    def close(self) -> None:
        """Close connections: to the service, and to the SAMP hub if we are on it."""
        self.queries.session.close()
        self._downloads.close()
        if "labels" in self.__dict__:
            self.labels.close()
        if self._samp is not None:
            self._samp.close()
