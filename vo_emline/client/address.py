"""The addresses of a candidate service, from the one address a user knows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlencode, urlsplit

from vo_emline.errors import UserError

VARIABLE: Final = "VO_EMLINE_SERVICE"
"""Environment variable that names the service to use where none is given."""

DEFAULT: Final = "http://localhost:8000"
"""Where ``vo-emline serve`` publishes unless told otherwise."""


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """A service's address and what lies below it."""

    base: str
    """Without a trailing slash."""

    @classmethod
    def parse(cls, url: str | None) -> Self:
        """Accept the service's page or its TAP address.

        Parameters
        ----------
        url
            ``http://host:port/path``, with or without ``/tap``; None for the
            environment variable ``VO_EMLINE_SERVICE``, else the local service.

        Raises
        ------
        UserError
            It is not an http(s) address.
        """
        text = (url or os.environ.get(VARIABLE) or DEFAULT).strip()
        parts = urlsplit(text)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise UserError(f"{text!r} is not the address of a service; write it as {DEFAULT}")
        base = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
        return cls(base.removesuffix("/sync").removesuffix("/tap"))

    @property
    def tap(self) -> str:
        """Base of the TAP service."""
        return f"{self.base}/tap"

    @property
    def capabilities(self) -> str:
        """What the TAP service says it can do (VOSI)."""
        return f"{self.tap}/capabilities"

    def query(self, adql: str, *, maxrec: int | None) -> str:
        """Give an address that answers `adql` with a VOTable (TAP 1.1, section 2.7.1)."""
        parameters = {"REQUEST": "doQuery", "LANG": "ADQL", "QUERY": adql}
        if maxrec is not None:
            parameters["MAXREC"] = str(maxrec)
        return f"{self.tap}/sync?{urlencode(parameters)}"

    def spectrum(self, did: str, parameters: Mapping[str, str] | None = None) -> str:
        """Give the address of one spectrum.

        Parameters
        ----------
        did
            Publisher dataset identifier.
        parameters
            Any of FORMAT, BAND (m), FLUXCALIB and MEDIUM.
        """
        return f"{self.base}/spectrum?{urlencode({'ID': did, **(parameters or {})})}"
