"""The publishing registry: OAI-PMH 2.0 as Registry Interfaces 1.1 (section 2) wants it, at ``/oai``.

A handful of records fits into one answer, so that no resumption token is ever given; one that a client sends
is refused as the protocol says. Mistakes of clients are answers with status 200 and an ``error`` element.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import anyio
from lxml import etree
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.errors import NotFoundError
from service.parameters import FORM_TYPES
from service.registry.records import REGISTRY, Record, make_records, require_registrable
from service.tap.context import TapServices, tap_services
from service.vosi.routes import STARTED
from service.web.kept import kept
from service.xml import tree_document
from vo_emline.errors import UserError

OAI: Final = "http://www.openarchives.org/OAI/2.0/"
_DC: Final = "http://purl.org/dc/elements/1.1/"
_OAI_DC: Final = "http://www.openarchives.org/OAI/2.0/oai_dc/"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_RI: Final = "http://www.ivoa.net/xml/RegistryInterface/v1.0"

_NAMESPACES: Final = {"oai": OAI, "xsi": _XSI}
"""OAI-PMH has a prefix: elements of records are in no namespace, which a default one would change."""

MANAGED: Final = "ivo_managed"
"""Set of the records of this registry's own authorities: all."""

FORMATS: Final = {
    "ivo_vor": (f"{_RI.rpartition('/')[0]}/RegistryInterface-v1.0.xsd", _RI),
    "oai_dc": ("http://www.openarchives.org/OAI/2.0/oai_dc.xsd", _OAI_DC),
}
"""Schema and namespace of every format of records."""

_DAY, _SECOND = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"
_ARGUMENTS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "Identify": (frozenset(), frozenset()),
    "ListMetadataFormats": (frozenset(), frozenset({"identifier"})),
    "ListSets": (frozenset(), frozenset({"resumptionToken"})),
    "GetRecord": (frozenset({"identifier", "metadataPrefix"}), frozenset()),
    "ListIdentifiers": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
    "ListRecords": (frozenset({"metadataPrefix"}), frozenset({"from", "until", "set"})),
}
"""Arguments that each verb must and may have; the two lists may have a resumption token alone."""


class OaiError(Exception):
    """A request that the protocol has an error for."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What is handed out."""

    url: str
    """Base URL."""
    name: str
    mail: str
    records: Sequence[Record]


def answer(registry: Registry, given: Sequence[tuple[str, str]], *, now: datetime | None = None) -> bytes:
    """Answer a request.

    Parameters
    ----------
    registry
        The registry.
    given
        Arguments as they came.
    now
        Date of the answer; by default now.
    """
    root = _element("OAI-PMH")
    root.set(f"{{{_XSI}}}schemaLocation", f"{OAI} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd")
    _add(root, "responseDate", f"{now or datetime.now(UTC):{_SECOND}}")
    request = _add(root, "request", registry.url)
    try:
        arguments = check(given)
        verb = arguments["verb"]
        body = _VERBS[verb](registry, arguments)
    except OaiError as error:
        body = _element("error")
        body.set("code", error.code)
        body.text = str(error)
        if error.code not in ("badVerb", "badArgument"):  # else the arguments are not repeated (section 3.6)
            request.attrib.update(dict(given))
    else:
        request.attrib.update(arguments)
    root.append(body)
    return tree_document(root)


def check(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    """See that a request has the arguments of its verb, each once.

    Raises
    ------
    OaiError
        It has not.
    """
    arguments = dict(given)
    verbs = [value for name, value in given if name == "verb"]
    if len(verbs) != 1 or verbs[0] not in _ARGUMENTS:
        raise OaiError("badVerb", f"one verb of {', '.join(_ARGUMENTS)} is wanted")
    if len(arguments) < len(given):
        raise OaiError("badArgument", "an argument is given twice")
    wanted, possible = _ARGUMENTS[verbs[0]]
    names = arguments.keys() - {"verb"}
    if "resumptionToken" in names:
        if names != {"resumptionToken"} or not verbs[0].startswith("List") or "identifier" in possible:
            raise OaiError("badArgument", "a resumptionToken stands alone, and with lists only")
        raise OaiError("badResumptionToken", "no list of this registry is so long that it needs one")
    if missing := wanted - names:
        raise OaiError("badArgument", f"{', '.join(sorted(missing))} is missing")
    if strange := names - wanted - possible:
        raise OaiError("badArgument", f"{verbs[0]} has no argument {', '.join(sorted(strange))[:80]}")
    return arguments


def select(registry: Registry, arguments: Mapping[str, str]) -> list[Record]:
    """Give the records that a list asks for, by date and set.

    Raises
    ------
    OaiError
        A date or a format is wrong, or there are none.
    """
    _require_format(arguments["metadataPrefix"])
    first, last = (_date(arguments.get(name, "")) for name in ("from", "until"))
    if first and last and (first[1] != last[1] or first[0] > last[0]):
        raise OaiError("badArgument", "from and until have one form, and from is not later")
    if arguments.get("set", MANAGED) != MANAGED:
        raise OaiError("noRecordsMatch", f"the only set is {MANAGED}")
    end = last[0] + (timedelta(days=1) if last[1] == _DAY else timedelta(seconds=1)) if last else None
    found = [
        record
        for record in registry.records
        if (not first or record.updated >= first[0]) and (end is None or record.updated < end)
    ]
    if not found:
        raise OaiError("noRecordsMatch", "no record was changed in that time")
    return found


def _date(text: str) -> tuple[datetime, str] | None:
    if not text:
        return None
    for form in (_DAY, _SECOND):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC), form
        except ValueError:
            continue
    raise OaiError("badArgument", f"{text[:40]} is no date of the form 2026-12-31 or 2026-12-31T23:59:59Z")


def _require_format(prefix: str) -> None:
    if prefix not in FORMATS:
        raise OaiError("cannotDisseminateFormat", f"records are given as {' and '.join(FORMATS)}")


def _find(registry: Registry, identifier: str) -> Record:
    """Look up a record; identifiers of the IVOA are compared without regard to case."""
    for record in registry.records:
        if record.ivoid.lower() == identifier.lower():
            return record
    raise OaiError("idDoesNotExist", f"there is no record {identifier[:200]}")


def _identify(registry: Registry, _arguments: Mapping[str, str]) -> Any:
    body = _element("Identify")
    said = {
        "repositoryName": registry.name,
        "baseURL": registry.url,
        "protocolVersion": "2.0",
        "adminEmail": registry.mail,
        "earliestDatestamp": f"{min(record.updated for record in registry.records):{_SECOND}}",
        "deletedRecord": "no",
        "granularity": "YYYY-MM-DDThh:mm:ssZ",
    }
    for name, text in said.items():
        _add(body, name, text)
    own = next(record for record in registry.records if record.ivoid.endswith(f"/{REGISTRY}"))
    _add(body, "description").append(deepcopy(own.element))
    return body


def _formats(registry: Registry, arguments: Mapping[str, str]) -> Any:
    if "identifier" in arguments:
        _find(registry, arguments["identifier"])
    body = _element("ListMetadataFormats")
    for prefix, (schema, namespace) in FORMATS.items():
        one = _add(body, "metadataFormat")
        for name, text in (("metadataPrefix", prefix), ("schema", schema), ("metadataNamespace", namespace)):
            _add(one, name, text)
    return body


def _sets(_registry: Registry, _arguments: Mapping[str, str]) -> Any:
    body = _element("ListSets")
    one = _add(body, "set")
    _add(one, "setSpec", MANAGED)
    _add(one, "setName", "Records of the authorities that this registry manages")
    return body


def _get(registry: Registry, arguments: Mapping[str, str]) -> Any:
    _require_format(arguments["metadataPrefix"])
    record = _find(registry, arguments["identifier"])
    return _listed("GetRecord", [record], arguments["metadataPrefix"])


def _list(registry: Registry, arguments: Mapping[str, str]) -> Any:
    return _listed("ListRecords", select(registry, arguments), arguments["metadataPrefix"])


def _list_identifiers(registry: Registry, arguments: Mapping[str, str]) -> Any:
    body = _element("ListIdentifiers")
    for record in select(registry, arguments):
        _header(body, record)
    return body


_VERBS: Final = {
    "Identify": _identify,
    "ListMetadataFormats": _formats,
    "ListSets": _sets,
    "GetRecord": _get,
    "ListRecords": _list,
    "ListIdentifiers": _list_identifiers,
}


def _listed(tag: str, records: Iterable[Record], prefix: str) -> Any:
    body = _element(tag)
    for record in records:
        one = _add(body, "record")
        _header(one, record)
        made = deepcopy(record.element) if prefix == "ivo_vor" else _dublin_core(record)
        _add(one, "metadata").append(made)
    return body


def _header(parent: Any, record: Record) -> None:
    header = _add(parent, "header")
    _add(header, "identifier", record.ivoid)
    _add(header, "datestamp", f"{record.updated:{_SECOND}}")
    _add(header, "setSpec", MANAGED)


def _dublin_core(record: Record) -> Any:
    """Give what Dublin Core can say of a record."""
    made = etree.Element(f"{{{_OAI_DC}}}dc", nsmap={"oai_dc": _OAI_DC, "dc": _DC, "xsi": _XSI})
    made.set(f"{{{_XSI}}}schemaLocation", f"{_OAI_DC} {FORMATS['oai_dc'][0]}")
    find = record.element.findall
    said = [
        ("title", record.title),
        *(("creator", one.text) for one in find("curation/creator/name")),
        *(("subject", one.text) for one in find("content/subject")),
        ("description", record.description),
        *(("publisher", one.text) for one in find("curation/publisher")),
        ("date", f"{record.updated:{_DAY}}"),
        *(("type", one.text) for one in find("content/type")),
        ("identifier", record.ivoid),
        ("identifier", record.url),
        *(("rights", one.text) for one in find("rights")),
    ]
    for name, text in said:
        etree.SubElement(made, f"{{{_DC}}}{name}").text = text
    return made


def _element(tag: str) -> Any:
    return etree.Element(f"{{{OAI}}}{tag}", nsmap=_NAMESPACES)


def _add(parent: Any, tag: str, text: str | None = None) -> Any:
    element = etree.SubElement(parent, f"{{{OAI}}}{tag}")
    element.text = text
    return element


def registry_of(context: TapServices) -> Registry:
    """Make the registry of a service; its records are made once for a release.

    Raises
    ------
    NotFoundError
        The service cannot be registered as it is.
    """
    settings, urls = context.settings, context.urls
    with context.store.lease() as release:
        try:
            authority = require_registrable(settings, release, urls)
        except UserError as error:
            raise NotFoundError(f"there is no registry here: {error}") from error
        records = kept(
            release,
            "registry records",
            lambda: make_records(settings, release, urls, authority=authority, now=STARTED),
        )
    return Registry(url=urls.oai, name=settings.publisher, mail=settings.contact, records=records)


async def oai(request: Request) -> Response:
    """Answer a harvester."""
    registry = await anyio.to_thread.run_sync(registry_of, tap_services(request))
    given = list(request.query_params.multi_items())
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != FORM_TYPES[0]:
            raise UserError(f"a POST is sent as {FORM_TYPES[0]}")
        form = await request.form(max_files=0, max_fields=20)
        given += [(name, str(value)) for name, value in form.multi_items()]
    made = await anyio.to_thread.run_sync(answer, registry, [_printable(pair) for pair in given])
    return Response(made, media_type="text/xml")


def _printable(pair: tuple[str, str]) -> tuple[str, str]:
    """Give a name and a value without what XML cannot hold."""
    name, value = ("".join(each for each in text if each.isprintable())[:1000] for text in pair)
    return name, value


def routes() -> list[Route]:
    """Give the route of the publishing registry."""
    return [Route("/oai", oai, methods=["GET", "POST"])]
