"""The addresses of the service: made here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit


@dataclass(frozen=True, slots=True)
class Urls:
    """Absolute addresses under one public address.

    The public address comes from the settings, never from the ``Host`` header
    of a request, so that no client can make the service print foreign links.
    """

    base: str
    """Public address without a trailing slash (``https://example.org/emline``)."""

    def __post_init__(self) -> None:
        """Drop the trailing slash."""
        object.__setattr__(self, "base", self.base.rstrip("/"))

    @property
    def home(self) -> str:
        """The page for people."""
        return f"{self.base}/"

    def page(self, candidate_id: str) -> str:
        """Give the page about one candidate; the ``.html`` tells TOPCAT what it is."""
        return f"{self.base}/candidate/{quote(candidate_id, safe='')}.html"

    @property
    def candidates(self) -> str:
        """The table and the gallery of candidates, without parameters."""
        return f"{self.base}/candidates"

    @property
    def sky(self) -> str:
        """The map of the sky."""
        return f"{self.base}/sky"

    def static(self, name: str, version: str) -> str:
        """Give a style sheet or script; the version lets browsers keep it."""
        return _with(f"{self.base}/static/{name}", v=version)

    @property
    def label(self) -> str:
        """The queues of spectra to be labelled, for those who may."""
        return f"{self.base}/label"

    def queue(self, name: str) -> str:
        """Give the page on which the spectra of a queue are labelled."""
        return f"{self.label}/queue/{quote(name, safe='')}"

    @property
    def refinements(self) -> str:
        """The refinements of the model, for owners."""
        return f"{self.label}/refinements"

    def invitation(self, invitation_id: str, secret: str = "") -> str:
        """Give the page where an invitation is accepted; no server is sent the secret in an address."""
        return f"{self.label}/enter/{invitation_id}" + (f"#{secret}" if secret else "")

    @property
    def tap(self) -> str:
        """Base of the TAP service."""
        return f"{self.base}/tap"

    @property
    def jobs(self) -> str:
        """The UWS job list."""
        return f"{self.tap}/async"

    def job(self, job_id: str, *children: str) -> str:
        """Give the address of a job or of a resource below it (``results``, ``result``)."""
        return "/".join([self.jobs, quote(job_id, safe=""), *children])

    def vosi(self, name: str) -> str:
        """Give the address of a VOSI resource: capabilities, availability, tables or examples."""
        return f"{self.tap}/{name}"

    @property
    def ssa(self) -> str:
        """The Simple Spectral Access service."""
        return f"{self.base}/ssa"

    def scs(self, table: str) -> str:
        """Give the cone search of a table."""
        return f"{self.base}/scs/{table}"

    @property
    def oai(self) -> str:
        """The publishing registry (OAI-PMH)."""
        return f"{self.base}/oai"

    @property
    def datalink(self) -> str:
        """The DataLink service, without parameters."""
        return f"{self.base}/datalink/links"

    def links(self, did: str) -> str:
        """Give the DataLink document of one spectrum."""
        return _with(self.datalink, ID=did)

    @property
    def spectra(self) -> str:
        """The service that delivers and processes spectra (SODA), without parameters."""
        return f"{self.base}/spectrum"

    def query(self, adql: str, **parameters: str) -> str:
        """Give the answer to a query; `parameters` are RESPONSEFORMAT, MAXREC."""
        return _with(f"{self.tap}/sync", LANG="ADQL", QUERY=adql, **parameters)

    def spectrum(self, did: str, **parameters: str) -> str:
        """Give one spectrum; `parameters` are FORMAT, BAND, FLUXCALIB, MEDIUM."""
        return _with(self.spectra, ID=did, **parameters)

    def preview(self, did: str) -> str:
        """Give the picture of one spectrum (PNG)."""
        return _with(f"{self.base}/preview.png", ID=did)

    def product(self, did: str) -> str:
        """Give the original file of one spectrum."""
        return _with(f"{self.base}/product", ID=did)


def _with(url: str, **parameters: str) -> str:
    return f"{url}?{urlencode(parameters)}"


def is_local(url: str) -> bool:
    """Tell whether an address is of this machine only, or none."""
    return (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1", "")
