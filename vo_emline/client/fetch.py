"""Fetching many addresses at a time: cached, retried, never more than a few at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from typing import Final

import httpx

from vo_emline.client.cache import Cache, Download
from vo_emline.errors import ArchiveError, DataError, UserError
from vo_emline.progress import track
from vo_emline.rejects import Reject

logger = logging.getLogger(__name__)

PARALLEL: Final = 4
"""Requests at a time, polite to a service that others use too."""
ATTEMPTS: Final = 3
"""How often a request is tried when the service stumbles."""
PAUSE: Final = 0.5
"""Seconds before the second attempt; doubled before each further one."""
BUSY: Final = frozenset((429, 502, 503, 504))
"""HTTP statuses after which trying again makes sense."""
TIMEOUT: Final = httpx.Timeout(60.0, connect=10.0)


class Fetcher:
    """Fetches addresses, through a cache.

    Parameters
    ----------
    cache
        Where downloads are kept; None keeps nothing.
    parallel
        Requests at a time.
    offline
        Ask nobody; only what is in the cache can be had.
    """

    def __init__(
        self, cache: Cache | None = None, *, parallel: int = PARALLEL, offline: bool = False
    ) -> None:
        if parallel < 1:
            raise UserError(f"parallel={parallel}: at least one request at a time is needed")
        self.cache = cache
        self.parallel = parallel
        self.offline = offline

    def fetch(self, url: str) -> Download:
        """Fetch one address.

        Raises
        ------
        ArchiveError
            It cannot be had: the service is out of reach, refuses, or we are offline.
        """
        with self._client() as client:
            return self._fetch(client, url)

    def fetch_each(
        self, urls: Iterable[str], *, progress: bool = True, description: str = "fetching"
    ) -> Generator[Download | Reject, None, None]:
        """Fetch many addresses, and give each answer as soon as those before it have been given.

        Close the iterator (:func:`contextlib.closing`) to stop early: what
        has not begun is then not asked for.

        Yields
        ------
        Download or Reject
            One for each of `urls`, in their order.
        """
        wanted = list(urls)
        with self._client() as client:
            pool = ThreadPoolExecutor(self.parallel)
            try:
                answers = pool.map(lambda url: self._attempt(client, url), wanted)
                yield from track(answers, description, total=len(wanted)) if progress else answers
            finally:
                pool.shutdown(cancel_futures=True)

    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=TIMEOUT, follow_redirects=True)

    def _attempt(self, client: httpx.Client, url: str) -> Download | Reject:
        try:
            return self._fetch(client, url)
        except ArchiveError as error:
            return Reject.from_error(DataError(url, "not_fetched", str(error).removesuffix(f" [{url}]")))

    def _fetch(self, client: httpx.Client, url: str) -> Download:
        kept = self.cache.get(url) if self.cache is not None else None
        if kept is not None:
            return kept
        if self.offline:
            raise ArchiveError("not in the cache, and we are offline", url=url)
        download = _download(client, url)
        if self.cache is not None:
            self.cache.put(download)
        return download


def _download(client: httpx.Client, url: str) -> Download:
    """Ask up to :data:`ATTEMPTS` times."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            answer = client.get(url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = f"no answer: {error or type(error).__name__}"
            again = isinstance(error, httpx.TransportError)
        else:
            if answer.is_success:
                return _accept(url, answer)
            problem = f"HTTP {answer.status_code}: {_first_line(answer)}"
            again = answer.status_code in BUSY
        if not again or attempt == ATTEMPTS:
            break
        logger.info("%s; trying again: %s", problem, url)
        time.sleep(PAUSE * 2 ** (attempt - 1))
    raise ArchiveError(problem, url=url, retry=again)


def _accept(url: str, answer: httpx.Response) -> Download:
    return Download(
        url=url,
        content=answer.content,
        media_type=answer.headers.get("content-type", ""),
        filename=suggested_name(answer.headers.get("content-disposition", "")),
    )


def suggested_name(disposition: str) -> str:
    """Give the bare file name of a ``Content-Disposition`` header (RFC 6266); folders in it are dropped."""
    message = Message()
    message["content-disposition"] = disposition
    name = message.get_filename() or ""
    return name.replace("\\", "/").rpartition("/")[2].lstrip(".")


def _first_line(answer: httpx.Response) -> str:
    """Give what a service says about its refusal, not more than a line of it."""
    text = answer.text.strip()
    if text.startswith("<"):
        return answer.reason_phrase
    return (text.splitlines() or [answer.reason_phrase])[0][:200]
