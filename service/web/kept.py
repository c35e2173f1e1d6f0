"""What pages work out once for a release and keep: counts, maps, the first page."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from service.store import Release

T = TypeVar("T")

KEPT: Final = 256
"""Answers that are kept of one release; the one that was not asked for the longest goes first."""

_LOCK = threading.Lock()
_ANSWERS: WeakKeyDictionary[Release, OrderedDict[Hashable, Any]] = WeakKeyDictionary()


def kept(release: Release, key: Hashable, make: Callable[[], T]) -> T:
    """Give what `make` gives, from memory where it was made before of this release.

    Parameters
    ----------
    release
        The release that is served.
    key
        What is asked, with all that the answer depends on.
    make
        Makes the answer; what it raises is kept by nobody.
    """
    with _LOCK:
        answers = _ANSWERS.setdefault(release, OrderedDict())
        if key in answers:
            answers.move_to_end(key)
            found: T = answers[key]
            return found
    made = make()
    with _LOCK:
        answers[key] = made
        while len(answers) > KEPT:
            answers.popitem(last=False)
    return made
