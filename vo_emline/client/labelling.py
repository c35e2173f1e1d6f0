"""Labelling from Python: the queues of a service, one spectrum after the other.

What is labelled is sent at once. Where the service does not answer it waits here, goes with the next label or
by :meth:`LabelQueue.send`, and is stored once however often it is sent.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit

import numpy as np

from vo_emline.arrays import FloatArray
from vo_emline.errors import ArchiveError, UserError
from vo_emline.labelling.log import Label
from vo_emline.labels import parse_profile
from vo_emline.net.session import Politeness, Session, archive_errors

if TYPE_CHECKING:
    import requests

logger = logging.getLogger(__name__)

AHEAD: Final = 20
"""Spectra that are fetched before they are asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToLabel:
    """One spectrum that is to be labelled; nothing in it tells what the network thinks."""

    publisher_did: str
    name: str
    ra: float | None
    dec: float | None
    """ICRS, deg; None where unknown."""
    wavelength_vac: FloatArray
    """Vacuum, Å, shape (140,)."""
    flux: FloatArray | None
    """Over the continuum, NaN where bad, shape (140,); None where there is nothing to be shown."""
    page: str
    """Address of its page; empty where it has none."""


class LabelQueue:
    """A queue of a service, for one person.

    Parameters
    ----------
    session
        Asks the service, and is who labels.
    base
        Address of the service.
    name
        The queue.
    """

    def __init__(self, session: Session, base: str, name: str) -> None:
        self.name = name
        self.waiting: list[Label] = []
        """Labels that the service has not confirmed yet."""
        self.progress: dict[str, int] = {}
        """What the service said last: ``size``, ``labelled``, ``started``, ``mine``, ``held``."""
        self._session, self._base = session, base
        self._ahead: deque[ToLabel] = deque()
        self._done: list[tuple[ToLabel | None, Label]] = []
        self._given: dict[str, tuple[ToLabel, float]] = {}
        self._told: set[str] = set()
        self._passed: set[str] = set()

    def __repr__(self) -> str:
        """Name the queue and how far it is."""
        far = f", {self.progress['labelled']} of {self.progress['size']} labelled" if self.progress else ""
        return f"<LabelQueue {self.name!r} of {self._base}{far}>"

    def next(self) -> ToLabel | None:
        """Give the next spectrum, the same until it is labelled or skipped; None at the end.

        Raises
        ------
        ArchiveError
            The service does not answer, and no spectrum is here already.
        UserError
            There is no such queue, or one may not label here.
        """
        if not self._ahead:
            self._fetch()
        if not self._ahead:
            return None
        item = self._ahead[0]
        self._given.setdefault(item.publisher_did, (item, time.monotonic()))
        return item

    def label(
        self,
        spectrum: ToLabel | str,
        profile: str,
        *,
        quality: int = 3,
        comment: str = "",
        view: str = "python",
    ) -> Label:
        """Say what a spectrum is.

        Parameters
        ----------
        spectrum
            What :meth:`next` gave, or the publisher DID of any spectrum.
        profile
            One of :data:`~vo_emline.labels.PROFILES`, or what means it (``"double peak"``).
        quality
            1 guess, 2 likely, 3 sure.
        comment
            What else is to be said.
        view
            What was looked at.

        Raises
        ------
        UserError
            The profile is none, or the service refuses the label.
        """
        did = spectrum if isinstance(spectrum, str) else spectrum.publisher_did
        name = parse_profile(profile)
        if name is None:
            raise UserError(f"profile {profile!r} is none of the profiles: help(vo_emline.labels)")
        item, since = self._given.get(did, (None if isinstance(spectrum, str) else spectrum, None))
        label = Label(
            publisher_did=did, labeller="me", profile=name, queue=self.name, quality=quality, comment=comment,
            seconds=0.0 if since is None else round(time.monotonic() - since, 3), blind=did not in self._told,
            view=view,
        )  # fmt: skip
        self._done.append((item, label))
        self._drop(did)
        self._put(label)
        return label

    def undo(self) -> ToLabel | None:
        """Take back the last label of this session that stands; its spectrum is the next again.

        Returns
        -------
        ToLabel or None
            The spectrum, where it came from :meth:`next`.

        Raises
        ------
        UserError
            There is none.
        """
        if not self._done:
            raise UserError("nothing was labelled here that could be taken back")
        item, label = self._done.pop()
        if item is not None:
            self._ahead.appendleft(item)
            self._given[item.publisher_did] = (item, time.monotonic())
        self._passed.discard(label.publisher_did)
        self._put(
            Label(publisher_did=label.publisher_did, labeller="me", profile="", queue=self.name,
                  undoes=label.label_id)
        )  # fmt: skip
        return item

    def skip(self) -> None:
        """Leave the spectrum that :meth:`next` gave for others, and for later."""
        if self._ahead:
            did = self._ahead[0].publisher_did
            self._drop(did)
            self._passed.discard(did)  # it may come again, at the end
            self._answer("POST", f"queues/{quote(self.name)}/skip", json={"publisher_did": did})

    def prediction(self, spectrum: ToLabel | str) -> dict[str, Any]:
        """Give what the network says: ``label``, ``score``, ``model_version``; a later label is not blind."""
        did = spectrum if isinstance(spectrum, str) else spectrum.publisher_did
        found: dict[str, Any] = self._answer("GET", f"prediction?{urlencode({'did': did})}")
        self._told.add(did)
        return found

    def send(self) -> int:
        """Send the labels that wait; give how many were new to the service.

        Raises
        ------
        ArchiveError
            The service does not answer; they wait on.
        UserError
            It refuses them.
        """
        stored = 0
        while self.waiting:
            some = self.waiting[:500]
            body = [{k: v for k, v in one.to_json().items() if k not in _OF_SERVICE} for one in some]
            stored += self._answer("POST", "labels", json=body)["stored"]
            del self.waiting[: len(some)]
        return stored

    def _put(self, label: Label) -> None:
        """Send a label; keep it where there is no answer."""
        self.waiting.append(label)
        try:
            self.send()
        except UserError:
            self.waiting.remove(label)
            raise
        except ArchiveError as error:
            logger.warning("%s; %d labels wait here for the next try", error, len(self.waiting))

    def _drop(self, did: str) -> None:
        self._ahead = deque(item for item in self._ahead if item.publisher_did != did)
        self._given.pop(did, None)
        self._passed.add(did)

    def _fetch(self) -> None:
        if self.waiting:
            self.send()  # or the service would give the same ones again
        answer = self._answer("GET", f"queues/{quote(self.name)}/next?n={AHEAD}")
        self.progress = answer["progress"]
        here = {item.publisher_did for item in self._ahead} | self._passed
        self._ahead += [_item(one) for one in answer["items"] if one["publisher_did"] not in here]

    def _answer(self, method: str, path: str, **body: Any) -> Any:
        return ask(self._session, self._base, method, path, **body)


def new_session() -> Session:
    """Give a session for labelling: who waits for the next spectrum is told soon that there is no answer."""
    return Session(Politeness(delay=0.0, attempts=2, timeout=20.0))


_OF_SERVICE: Final = ("labeller", "received_at", "predicted", "model_version")
"""Fields that the service fills in: who it is, when, and what the network says now."""


def ask(session: Session, base: str, method: str, path: str, **body: Any) -> Any:
    """Ask the labelling of a service; give the JSON of the answer.

    Raises
    ------
    ArchiveError
        It does not answer.
    UserError
        It refuses; the message says why.
    """
    return _answered(session, base, method, path, **body).json()


def _answered(session: Session, base: str, method: str, path: str, **body: Any) -> requests.Response:
    url = f"{base}/label/api/{path}"
    with archive_errors("labelling", url):
        response = session.request(method, url, **body)
    if response.status_code == 404:
        raise UserError(
            f"{_said(response) or 'nobody may label here'}: a service for labelling is started with --label, "
            "and one of others lets in whom it invited (enter(link))"
        )
    if not response.ok:
        raise UserError(_said(response) or f"the service answers with status {response.status_code}")
    return response


def enter(session: Session, base: str, link: str) -> None:
    """Accept an invitation to label: from here on the session is known.

    Parameters
    ----------
    session
        Keeps who it is as a cookie.
    base
        Address of the service.
    link
        What `vo-emline label invite` printed.

    Raises
    ------
    UserError
        It is no invitation to this service, or one that was revoked or is too old.
    """
    parts = urlsplit(link.strip())
    where, _, invitation = parts.path.rpartition("/")
    if not (parts.fragment and where.endswith("/label/enter")):
        raise UserError("that is no invitation: it ends in /label/enter/…#…")
    body = {"invitation": invitation, "secret": parts.fragment}
    given = SimpleCookie(_answered(session, base, "POST", "enter", json=body).headers.get("Set-Cookie", ""))
    # not left to the session's jar: it reads cookies off the connection, which our answers have left
    session.headers["Cookie"] = "; ".join(f"{name}={morsel.value}" for name, morsel in given.items())


def _said(response: requests.Response) -> str:
    try:
        found = response.json()
    except ValueError:
        return ""
    return str(found.get("error", "")) if isinstance(found, dict) else ""


def _item(given: Mapping[str, Any]) -> ToLabel:
    flux = given["flux"]
    return ToLabel(
        publisher_did=given["publisher_did"],
        name=given["name"],
        ra=given["ra"],
        dec=given["dec"],
        wavelength_vac=np.array(given["wave"], dtype=np.float64),
        flux=None if flux is None else np.array(flux, dtype=np.float64),
        page=given["page"] or "",
    )
