"""The service as VOResource records (VOResource 1.1, VODataService 1.2, VORegistry 1.1).

Four records make a service known: who publishes it, the authority that its identifiers are of, the registry
that hands the records out, and the service with all it can do. Capabilities and tables are those that the
service itself states (:mod:`service.vosi`), so that a registry never says anything else.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from lxml import etree

from service.config import Settings
from service.datalink import LINKS_ID
from service.registry.coverage import Coverage, coverage_of
from service.scs import TABLES
from service.store import Release
from service.urls import Urls, is_local
from service.vosi.capabilities import (
    scs_capabilities,
    simple_capabilities,
    ssa_capabilities,
    tap_capabilities,
)
from service.vosi.tables import tableset
from service.xml import tree_document
from vo_emline.candidates.citation import METHOD, Citation, is_placeholder
from vo_emline.errors import UserError

NAMESPACES: Final = {
    "ri": "http://www.ivoa.net/xml/RegistryInterface/v1.0",
    "vr": "http://www.ivoa.net/xml/VOResource/v1.0",
    "vs": "http://www.ivoa.net/xml/VODataService/v1.1",
    "vg": "http://www.ivoa.net/xml/VORegistry/v1.0",
    "tr": "http://www.ivoa.net/xml/TAPRegExt/v1.0",
    "ssap": "http://www.ivoa.net/xml/SSA/v1.1",
    "cs": "http://www.ivoa.net/xml/ConeSearch/v1.0",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
SUBJECTS: Final = ("emission-line-stars", "be-stars", "stellar-spectral-lines", "spectroscopy")
"""What it is about, by the Unified Astronomy Thesaurus."""

ORGANISATION, REGISTRY = "org", "registry"
"""Last parts of identifiers of records."""

_CONTENT: Final = {"vr:Organisation": "Organisation", "vs:CatalogService": "Catalog"}
_TYPE: Final = f"{{{NAMESPACES['xsi']}}}type"
_AUTHORITY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.!~*'()-]{2,}")
_KEY: Final = re.compile(r"[A-Za-z0-9_.!~*'()/-]+")
_MAIL: Final = re.compile(r"\S+@(\S+\.)+\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record."""

    ivoid: str
    updated: datetime
    element: Any = field(repr=False)
    """The lxml element ``ri:Resource``; copy it before it goes into a document."""
    title: str
    description: str
    url: str

    def document(self) -> bytes:
        """Give the record as a document of its own."""
        return tree_document(self.element)


def authority_of(settings: Settings, release: Release) -> str:
    """Give the authority under which the service is registered: the operator's, else that of the release."""
    return settings.authority or Citation.of(release.metadata).authority


def require_registrable(settings: Settings, release: Release, urls: Urls) -> str:
    """Give the authority, after seeing that all is there that a registry insists on.

    Raises
    ------
    UserError
        The authority is a placeholder or none, there is no mail address, or the address is of this machine.
    """
    authority = authority_of(settings, release)
    if is_placeholder(authority):
        raise UserError(
            f"the authority {authority or '(none)'} is a placeholder; nothing can be registered under it: "
            "choose one that you own (your domain without dots at its ends, as in org.example), publish with "
            "--authority, or set authority in the service's settings"
        )
    if not _AUTHORITY.fullmatch(authority):
        raise UserError(f"{authority!r} is no authority (IVOA Identifiers 2.0, section 2.3.1)")
    if not _KEY.fullmatch(settings.resource_key):
        raise UserError(f"{settings.resource_key!r} is no resource key (IVOA Identifiers 2.0, section 2.3.2)")
    if not _MAIL.fullmatch(settings.contact):
        raise UserError("registries want a mail address: set contact in the service's settings")
    if is_local(urls.base):
        raise UserError(f"{urls.base} cannot be reached by others: set public_url in the service's settings")
    return authority


def make_records(
    settings: Settings, release: Release, urls: Urls, *, authority: str, now: datetime | None = None
) -> list[Record]:
    """Make the records of a service: organisation, authority, registry, service.

    Parameters
    ----------
    settings
        Of the service.
    release
        What it serves.
    urls
        Addresses that others reach.
    authority
        Of the identifiers, see :func:`require_registrable`.
    now
        When the records were last changed; by default now.
    """
    maker = _Maker(settings, release, urls, authority, now or datetime.now(UTC))
    return [maker.organisation(), maker.authority_record(), maker.registry(), maker.service()]


class _Maker:
    """Makes the records of one service."""

    def __init__(
        self, settings: Settings, release: Release, urls: Urls, authority: str, now: datetime
    ) -> None:
        self._settings = settings
        self._release = release
        self._urls = urls
        self._root = f"ivo://{authority}"
        self._authority = authority
        self._now = now.astimezone(UTC).replace(microsecond=0)
        self._citation = Citation.of(release.metadata)

    def organisation(self) -> Record:
        """Describe who publishes."""
        settings = self._settings
        return self._record(
            "vr:Organisation", f"{self._root}/{ORGANISATION}", settings.publisher,
            f"{settings.publisher} publishes the service {settings.title}.",
        )  # fmt: skip

    def authority_record(self) -> Record:
        """Describe the authority of the identifiers."""
        made = self._record(
            "vg:Authority", self._root, f"{self._settings.publisher}: naming authority",
            f"Identifiers under {self._root} are given by {self._settings.publisher}.",
        )  # fmt: skip
        self._named(made.element, "managingOrg", self._settings.publisher)
        return made

    def registry(self) -> Record:
        """Describe the publishing registry."""
        made = self._record(
            "vg:Registry", f"{self._root}/{REGISTRY}", f"{self._settings.publisher}: publishing registry",
            f"Hands out the records of {self._root} for harvesting.",
        )  # fmt: skip
        harvest = _add(made.element, "capability", standardID="ivo://ivoa.net/std/Registry")
        harvest.set(_TYPE, "vg:Harvest")
        interface = _add(harvest, "interface", role="std", version="1.0")
        interface.set(_TYPE, "vg:OAIHTTP")
        _add(interface, "accessURL", self._urls.oai, use="base")
        _add(harvest, "maxRecords", "0")
        _add(made.element, "full", "false")
        _add(made.element, "managedAuthority", self._authority)
        return made

    def service(self) -> Record:
        """Describe the service: what it can do, its tables, where it has data."""
        settings, coverage = self._settings, coverage_of(self._release)
        made = self._record(
            "vs:CatalogService",
            f"{self._root}/{settings.resource_key}",
            settings.title,
            self._description(coverage),
        )
        if self._citation.licence:
            rights = _add(made.element, "rights", self._citation.licence)
            if self._citation.licence_uri:
                rights.set("rightsURI", self._citation.licence_uri)
        for capability in self._capabilities(coverage):
            made.element.append(capability)
        for survey in coverage.surveys:
            _add(made.element, "instrument", survey)
        self._cover(made.element, coverage)
        made.element.append(self._tables())
        return made

    def _description(self, coverage: Coverage) -> str:
        counted = self._release.counts
        said = [self._settings.description]
        if "emline.candidates" in counted:
            said.append(
                f"{counted['emline.candidates']} candidates among {counted['emline.scores']} classified "
                f"spectra of {counted.get('emline.objects', 0)} stars."
            )
        if coverage.surveys:
            said.append(f"Spectra of {', '.join(coverage.surveys)}.")
        return " ".join(said)

    def _record(self, kind: str, ivoid: str, title: str, description: str) -> Record:
        """Begin a record with what all have (VOResource 1.1, section 3.1)."""
        settings, stamp = self._settings, f"{self._now:%Y-%m-%dT%H:%M:%SZ}"
        created = self._citation.published or stamp
        root = etree.Element(
            f"{{{NAMESPACES['ri']}}}Resource", nsmap=NAMESPACES,
            created=min(created, stamp), updated=stamp, status="active", version="1.1",
        )  # fmt: skip
        root.set(_TYPE, kind)
        of_data = kind == "vs:CatalogService"
        _add(root, "title", title)
        if of_data and settings.short_title:
            _add(root, "shortName", settings.short_title[:16])
        _add(root, "identifier", ivoid)
        if of_data and self._citation.doi:
            _add(root, "altIdentifier", f"doi:{self._citation.doi}")
        self._curation(root, of_data=of_data, stamp=stamp)
        content = _add(root, "content")
        for subject in SUBJECTS if of_data else ("virtual-observatories",):
            _add(content, "subject", subject)
        _add(content, "description", description)
        if of_data:
            _add(content, "source", METHOD, format="bibcode")
        url = settings.homepage or self._urls.home
        _add(content, "referenceURL", self._urls.home if of_data else url)
        _add(content, "type", _CONTENT.get(kind, "Registry"))
        if of_data:
            _add(content, "contentLevel", "Research")
        return Record(
            ivoid=ivoid, updated=self._now, element=root, title=title, description=description,
            url=self._urls.home if of_data else url,
        )  # fmt: skip

    def _curation(self, root: Any, *, of_data: bool, stamp: str) -> None:
        curation = _add(root, "curation")
        self._named(curation, "publisher", self._settings.publisher)
        for name in self._citation.creators if of_data else ():
            _add(_add(curation, "creator"), "name", name)
        _add(curation, "date", stamp, role="Updated")
        if of_data and self._citation.name:
            _add(curation, "version", self._citation.name)
        contact = _add(curation, "contact")
        _add(contact, "name", self._settings.publisher)
        _add(contact, "email", self._settings.contact)

    def _named(self, parent: Any, tag: str, name: str) -> None:
        element = _add(parent, tag, name)
        element.set("ivo-id", f"{self._root}/{ORGANISATION}")

    def _capabilities(self, coverage: Coverage) -> list[Any]:
        """Give what the service states about itself, TAP first, its page last; VOSI once."""
        urls, settings = self._urls, self._settings
        documents = [tap_capabilities(settings=settings, urls=urls)]
        documents.append(ssa_capabilities(settings=settings, urls=urls, place=coverage.place))
        names = [name for name, table in TABLES.items() if self._release.table(table.qualified_name)]
        documents += [
            scs_capabilities(name, settings=settings, urls=urls, place=coverage.place) for name in names
        ]
        documents.append(simple_capabilities({LINKS_ID: urls.datalink}, base=f"{urls.base}/datalink"))
        found = [
            capability
            for number, document in enumerate(documents)
            for capability in etree.fromstring(document)
            if number == 0 or "/VOSI#" not in capability.get("standardID", "")
        ]
        page = etree.Element("capability")
        interface = _add(page, "interface")
        interface.set(_TYPE, "vr:WebBrowser")
        _add(interface, "accessURL", urls.home, use="full")
        return [*found, page]

    def _cover(self, root: Any, coverage: Coverage) -> None:
        element = _add(root, "coverage")
        _add(element, "spatial", coverage.spatial)
        if coverage.barycentric:
            _add(element, "temporal", "{:.6f} {:.6f}".format(*coverage.barycentric))
        if coverage.energies:
            _add(element, "spectral", "{:.6e} {:.6e}".format(*coverage.energies))
        for name in coverage.wavebands:
            _add(element, "waveband", name)

    def _tables(self) -> Any:
        """Give the table set as the service states it, as a child of the record."""
        stated = etree.fromstring(
            tableset(self._release.tables, counts=self._release.counts, about=self._citation.summary)
        )
        made = etree.Element("tableset")
        for schema in stated:
            made.append(deepcopy(schema))
        return made


def _add(parent: Any, tag: str, text: str | None = None, **attributes: str) -> Any:
    element = etree.SubElement(parent, tag, attributes)
    element.text = text
    return element
