"""Finished answers of a release, kept as bytes: releases never change, so what was written once stays right.

A page that is asked again costs a look-up and its delivery, and a browser that has it already hears that
nothing changed. What is kept is bounded in bytes (setting ``page_cache``); the answer that was not asked
for the longest goes first. A new release begins with nothing.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final
from weakref import WeakKeyDictionary

from service.pages import HEADERS
from service.store import Release, ReleaseStore

SHARE: Final = 8
"""An answer larger than one part in so many of the whole is not kept."""

FOREVER: Final = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """An answer as it leaves."""

    content: bytes
    media_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=lambda: HEADERS)
    seconds: float = FOREVER
    """How long it may be kept; 0 for what is not to be kept at all."""

    @property
    def tag(self) -> str:
        """Its entity tag: of the same content the same."""
        return f'"{blake2b(self.content, digest_size=12).hexdigest()}"'


def page(text: str, *, seconds: float = FOREVER) -> Finished:
    """Give a page that is written."""
    return Finished(content=text.encode(), seconds=seconds)


Make = Callable[[], Finished]


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Finished
    tag: str
    until: float


class FinishedAnswers:
    """What is kept of the releases that are served.

    Parameters
    ----------
    size
        Bytes of all answers of a release together.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._kept: WeakKeyDictionary[Release, OrderedDict[Hashable, _Kept]] = WeakKeyDictionary()
        self._held: WeakKeyDictionary[Release, int] = WeakKeyDictionary()

    @property
    def held(self) -> int:
        """Bytes that are kept now."""
        with self._lock:
            return sum(self._held.values())

    def get(self, store: ReleaseStore, key: Hashable) -> tuple[Finished, str] | None:
        """Give the answer that is kept of the release that is served now, and its tag."""
        with store.lease() as release, self._lock:
            found = self._kept.get(release, OrderedDict()).get(key)
            if found is None or found.until < time.monotonic():
                return None
            self._kept[release].move_to_end(key)
            return found.answer, found.tag

    def make(self, store: ReleaseStore, key: Hashable, make: Make) -> tuple[Finished, str]:
        """Give the answer that is kept, else make it and keep it; what `make` raises is kept by nobody."""
        if found := self.get(store, key):  # made while this request waited for a place
            return found
        with store.lease() as release:
            made = make()
            tag = made.tag
            if made.seconds > 0 and len(made.content) <= self._size // SHARE:
                with self._lock:
                    self._keep(release, key, _Kept(made, tag, time.monotonic() + made.seconds))
        return made, tag

    def _keep(self, release: Release, key: Hashable, new: _Kept) -> None:
        answers = self._kept.setdefault(release, OrderedDict())
        held = self._held.get(release, 0) + len(new.answer.content)
        if old := answers.pop(key, None):
            held -= len(old.answer.content)
        answers[key] = new
        while held > self._size:
            _, gone = answers.popitem(last=False)
            held -= len(gone.answer.content)
        self._held[release] = held
