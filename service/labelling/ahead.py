"""Spectra made ready before they are asked for: an answer waits for no file and no search among millions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final
from weakref import WeakKeyDictionary

import structlog

from service.labelling.items import items_of
from service.store import Release, ReleaseStore
from service.urls import Urls
from vo_emline.labelling import Queues

logger = structlog.stdlib.get_logger("service")

NEXT: Final = 16
"""Spectra that are made ready after an answer: the next two that are asked for."""

KEPT: Final = 1000
"""Spectra that are kept of a release, some 10 kB each."""

_ORDERS: Final = 64


class Ahead:
    """What is shown of spectra, made by one thread while nobody waits.

    Parameters
    ----------
    store, urls
        Of the service.
    queues
        The queues, in whose order spectra are made ready.
    """

    def __init__(self, store: ReleaseStore, urls: Urls, queues: Queues) -> None:
        self._store, self._urls, self._queues = store, urls, queues
        self._lock = threading.Lock()
        self._made: WeakKeyDictionary[Release, OrderedDict[str, dict[str, Any]]] = WeakKeyDictionary()
        self._orders: OrderedDict[tuple[str, str], list[str]] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="label-ahead")
        self._last: Future[None] | None = None

    def close(self) -> None:
        """Stop; what was begun is finished."""
        self._thread.shutdown(cancel_futures=True)

    def items(self, dids: Sequence[str]) -> list[dict[str, Any]]:
        """Give what the page shows of some spectra (:func:`service.labelling.items.items_of`)."""
        with self._store.lease() as release:
            with self._lock:
                made = self._made.setdefault(release, OrderedDict())
                found = {did: made[did] for did in dids if did in made}
            lacking = [did for did in dids if did not in found]
            found |= dict(zip(lacking, items_of(self._store, self._urls, lacking), strict=True))
            with self._lock:
                for did in dids:
                    made[did] = found[did]
                    made.move_to_end(did)
                while len(made) > KEPT:
                    made.popitem(last=False)
        return [found[did] for did in dids]

    def prepare(self, queue: str, after: int) -> None:
        """Let what comes after a place of a queue be made ready; not where that is being done already."""
        if self._last is None or self._last.done():
            self._last = self._thread.submit(self._prepare, queue, after)
            self._last.add_done_callback(_tell)

    def _prepare(self, queue: str, after: int) -> None:
        self.items(self._order(queue)[after + 1 : after + 1 + NEXT])

    def _order(self, name: str) -> list[str]:
        """Give the spectra of a queue in its order, which never changes."""
        key = (name, self._queues.get(name).created)
        if key not in self._orders:
            self._orders[key] = [item.publisher_did for item in self._queues.items(name)]
            while len(self._orders) > _ORDERS:
                self._orders.popitem(last=False)
        return self._orders[key]


def _tell(done: Future[None]) -> None:
    """Log what went wrong: whoever asks for the spectra themselves is told, too."""
    if not done.cancelled() and (error := done.exception()) is not None:
        logger.warning("label_ahead", error=str(error))
