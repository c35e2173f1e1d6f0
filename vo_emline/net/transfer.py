"""Downloads: many addresses at a time, checked, through a cache, given as they come or in order."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Final

from vo_emline.errors import ArchiveError, UserError
from vo_emline.net.cache import Cache, Download
from vo_emline.net.content import ContentError, check_digests
from vo_emline.net.session import STOPPED, Session, TransferError, redact
from vo_emline.progress import track
from vo_emline.rejects import Reject

LARGEST: Final = 64 * 2**20
"""Largest file that is taken, bytes: a spectrum has some tens of kB, a mosaic by mistake has more."""

PARALLEL: Final = 4
"""Requests at a time, polite to a service that others use too."""

_TICK = 0.2
"""How often a waiting thread looks whether the work has ended, s."""

Check = Callable[[bytes], object]
"""Looks at a delivered file; raises :class:`~vo_emline.net.content.ContentError` where it is not the one."""


def download(
    session: Session, url: str, *, check: Check | None = None, stop: threading.Event | None = None
) -> Download:
    """Download one file, again and again where that may help: half a file, a wrong checksum.

    Parameters
    ----------
    session
        How to ask.
    url
        Address of the file.
    check
        Looks at it.
    stop
        Set from outside to end all waiting.

    Raises
    ------
    TransferError
        If it cannot be had.
    """

    def once() -> Download:
        response = session.ask(url, stop=stop)
        if response.status_code == 204:
            raise TransferError("no_data", "the archive has no data in that range", retry=False)
        if response.status_code != 200:
            raise TransferError.from_status(response)
        content, headers = response.content, response.headers
        try:
            check_digests(content, headers)
            if check is not None:
                check(content)
        except ContentError as error:
            raise TransferError(error.code, str(error), retry=error.retry) from error
        return Download(
            url=url,
            content=content,
            media_type=headers.get("Content-Type", ""),
            filename=suggested_name(headers.get("Content-Disposition", "")),
            service=headers.get("Server", "").strip(),
        )

    return session.repeat(url, once, stop=stop)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one address."""

    index: int
    """Its place in the list."""
    download: Download | None
    error: TransferError | None = None
    """Why there is none."""


class Downloads:
    """Threads that work through a list of addresses while the caller deals with what has come.

    Parameters
    ----------
    urls
        What to ask for, in this order.
    fetch
        How to fetch one; it is given the address and the event that ends all waiting.
    parallel
        How many at a time.
    budget
        Time for all together, s; None for no limit.
    """

    def __init__(
        self,
        urls: Sequence[str],
        fetch: Callable[[str, threading.Event], Download],
        *,
        parallel: int,
        budget: float | None = None,
    ) -> None:
        self.halted = ""
        """Why the work ended before the last address; empty where it did not."""
        self._total = len(urls)
        self._fetch = fetch
        self._waiting = iter(enumerate(urls))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._done: queue.Queue[Outcome] = queue.Queue()
        self._deadline = None if budget is None else time.monotonic() + budget
        count = min(parallel, len(urls))
        # given back when a result is recorded: so much, and no more, is asked again after a kill
        self._permits = threading.Semaphore(count)
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def outcomes(self) -> Iterator[Outcome]:
        """Yield outcomes as they come, until all are there or the time is spent."""
        for _ in range(self._total):
            outcome = self._next()
            if outcome is None:
                self.halted = "the time budget is spent"
                return
            yield outcome
            self._permits.release()

    def in_order(self) -> Iterator[Outcome]:
        """Yield outcomes in the order of the addresses."""
        early: dict[int, Outcome] = {}
        following = 0
        for outcome in self.outcomes():
            early[outcome.index] = outcome
            while following in early:
                yield early.pop(following)
                following += 1

    def close(self) -> list[Outcome]:
        """End the work; give what has come and was not yielded yet."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=5 * _TICK)
        left = []
        while not self._done.empty():
            outcome = self._done.get()
            if outcome.error is None or outcome.error.code != STOPPED:
                left.append(outcome)
        return left

    def _next(self) -> Outcome | None:
        while self._deadline is None or time.monotonic() < self._deadline:
            try:
                return self._done.get(timeout=_TICK)
            except queue.Empty:
                if self._done.empty() and not any(thread.is_alive() for thread in self._threads):
                    raise RuntimeError("the downloading threads died; their tracebacks say why") from None
        return None

    def _work(self) -> None:
        while not self._stop.is_set():
            if not self._permits.acquire(timeout=_TICK):
                continue
            with self._lock:
                index, url = next(self._waiting, (-1, ""))
            if index < 0:
                self._permits.release()
                return
            self._done.put(self._run(index, url))

    def _run(self, index: int, url: str) -> Outcome:
        try:
            return Outcome(index, self._fetch(url, self._stop))
        except TransferError as error:
            return Outcome(index, None, error)


class Fetcher:
    """Fetches addresses through a cache, over the connections of one session.

    Parameters
    ----------
    session
        How to ask; a new session by default.
    cache
        Where downloads are kept; None keeps nothing.
    parallel
        Requests at a time.
    offline
        Ask nobody; only what is in the cache can be had.
    """

    def __init__(
        self,
        session: Session | None = None,
        cache: Cache | None = None,
        *,
        parallel: int = PARALLEL,
        offline: bool = False,
    ) -> None:
        if parallel < 1:
            raise UserError(f"parallel={parallel}: at least one request at a time is needed")
        self.session = session or Session(largest=LARGEST)
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
        try:
            return self._fetch(url)
        except TransferError as error:
            raise ArchiveError(str(error), url=redact(url), retry=error.retry) from error

    def fetch_each(
        self, urls: Sequence[str], *, progress: bool = True, description: str = "fetching"
    ) -> Generator[Download | Reject, None, None]:
        """Fetch many addresses, and give each answer as soon as those before it have been given.

        Close the iterator (:func:`contextlib.closing`) to stop early: what
        has not begun is then not asked for.

        Yields
        ------
        Download or Reject
            One for each of `urls`, in their order.
        """
        work = Downloads(urls, self._fetch, parallel=self.parallel)
        try:
            outcomes = work.in_order()
            for outcome in track(outcomes, description, total=len(urls)) if progress else outcomes:
                said = str(outcome.error)
                yield outcome.download or Reject(redact(urls[outcome.index]), "not_fetched", said)
        finally:
            work.close()

    def _fetch(self, url: str, stop: threading.Event | None = None) -> Download:
        kept = self.cache.get(url) if self.cache is not None else None
        if kept is not None:
            return kept
        if self.offline:
            raise TransferError("offline", "not in the cache, and we are offline", retry=False)
        fetched = download(self.session, url, stop=stop)
        if self.cache is not None:
            self.cache.put(fetched)
        return fetched


def suggested_name(disposition: str) -> str:
    """Give the bare file name of a ``Content-Disposition`` header (RFC 6266); folders in it are dropped."""
    message = Message()
    message["content-disposition"] = disposition
    name = message.get_filename() or ""
    return name.replace("\\", "/").rpartition("/")[2].lstrip(".")
