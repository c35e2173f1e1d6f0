"""What the handlers of labelling work with: the log, its queues, who may label, and how often one may ask."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request

from service.errors import QuotaError
from service.labelling.ahead import Ahead
from service.labelling.people import FILE, People
from service.labelling.refinements import Refinements
from service.store import ReleaseStore
from service.urls import Urls
from vo_emline.labelling import LabelLog, Queues

LABELS_FILE: Final = "labels.sqlite"
"""Name of the log in the folder of the labels."""

PER_SECOND: Final = 20.0
"""Requests of one person in the long run; a person presses three keys a second."""
AT_ONCE: Final = 100
"""Requests that a person may send at once, after a while without any."""
TRIES_PER_SECOND: Final = 0.2
"""Invitations that one address may try, in the long run."""
TRIES: Final = 20


class Rate:
    """A limit on how often something may be done: a bucket of tokens for each who does it.

    Parameters
    ----------
    per_second
        How often in the long run.
    at_once
        How often after a while of silence.
    """

    def __init__(self, per_second: float, at_once: float) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, *, now: float | None = None) -> None:
        """Take a token.

        Raises
        ------
        QuotaError
            There is none left; one comes soon.
        """
        moment = time.monotonic() if now is None else now
        with self._lock:
            tokens, since = self._buckets.pop(who, (self._at_once, moment))
            tokens = min(self._at_once, tokens + (moment - since) * self._per_second)
            self._buckets[who] = (max(tokens - 1.0, 0.0) if tokens >= 1.0 else tokens, moment)
            while len(self._buckets) > 10_000:
                self._buckets.popitem(last=False)
        if tokens < 1.0:
            raise QuotaError("that is faster than anybody labels; try again in a moment")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelServices:
    """The collaborators of the handlers of labelling, made once in :mod:`service.app`."""

    release: str
    """The release, as ``serve`` was told it: what queues are drawn from."""
    log: LabelLog
    queues: Queues
    ahead: Ahead
    people: People
    refinements: Refinements
    requests: Rate
    tries: Rate

    def close(self) -> None:
        """Close the files."""
        self.ahead.close()
        self.people.close()
        self.log.database.close()


def label_services(folder: Path, release: str, *, store: ReleaseStore, urls: Urls) -> LabelServices:
    """Open the labels and people of a folder.

    Raises
    ------
    UserError
        A file there is none of ours, or cannot be opened.
    """
    log = LabelLog(folder / LABELS_FILE)
    queues = Queues(log)
    return LabelServices(
        release=release,
        log=log,
        queues=queues,
        ahead=Ahead(store, urls, queues),
        people=People(folder / FILE),
        refinements=Refinements(folder),
        requests=Rate(PER_SECOND, AT_ONCE),
        tries=Rate(TRIES_PER_SECOND, TRIES),
    )


def labelling(request: Request) -> LabelServices:
    """Give the collaborators of the application that answers `request`."""
    found = request.app.state.labelling
    if not isinstance(found, LabelServices):
        raise TypeError("the application was assembled without labelling")
    return found
