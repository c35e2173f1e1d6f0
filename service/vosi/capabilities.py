"""What the services can do, for clients and registries (VOSI 1.1, section 4; TAPRegExt 1.0)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from lxml import etree
from pydantic import AnyUrl
from vo_models.tapregext.models import (
    DataLimit,
    DataLimits,
    DataModelType,
    Language,
    LanguageFeature,
    LanguageFeatureList,
    OutputFormat,
    TableAccess,
    TimeLimits,
    UploadMethod,
    Version,
)
from vo_models.vodataservice.models import ParamHTTP
from vo_models.voresource.models import AccessURL, Capability
from vo_models.vosi.capabilities import VOSICapabilities

from service.adql import FEATURES
from service.config import Settings
from service.formats import FORMATS
from service.scs import STANDARD_ID as SCS_ID
from service.ssa import STANDARD_ID as SSA_ID
from service.urls import Urls
from service.xml import document, tree_document

STD: Final = "ivo://ivoa.net/std"
_UPLOADS: Final = ("upload-inline", "upload-http", "upload-https")
_TAP_VOSI: Final = ("capabilities", "availability", "tables")
_DAY: Final = 86_400
_CONDITIONAL: Final = f"{STD}/TAPRegExt#features-adql-conditional"
_UDF: Final = f"{STD}/TAPRegExt#features-udf"


def tap_capabilities(*, settings: Settings, urls: Urls) -> bytes:
    """Give the capabilities document of the TAP service."""
    others = [_simple(f"{STD}/VOSI#{name}", urls.vosi(name)) for name in _TAP_VOSI]
    others.append(_simple(f"{STD}/DALI#examples", urls.vosi("examples")))
    return document(VOSICapabilities(capability=[_tap(settings, urls), *others]))


def _simple(standard: str, url: str) -> Capability:
    interface = ParamHTTP(access_url=[AccessURL(value=AnyUrl(url), use="full")])
    return Capability(standard_id=AnyUrl(standard), interface=[interface])


def _tap(settings: Settings, urls: Urls) -> TableAccess:
    interface = ParamHTTP(
        role="std", version="1.1", access_url=[AccessURL(value=AnyUrl(urls.tap), use="base")]
    )
    return TableAccess(
        interface=[interface],
        data_model=[
            DataModelType(value="ObsCore-1.1", ivo_id=f"{STD}/ObsCore#core-1.1"),
        ],
        language=[_language()],
        output_format=[_output(index) for index in range(len(FORMATS))],
        upload_method=[UploadMethod(ivo_id=f"{STD}/TAPRegExt#{method}") for method in _UPLOADS],
        retention_period=TimeLimits(
            default=settings.retention_days_default * _DAY, hard=settings.retention_days_hard * _DAY
        ),
        execution_duration=TimeLimits(default=settings.job_seconds_default, hard=settings.job_seconds_hard),
        output_limit=DataLimits(
            default=DataLimit(value=settings.rows_default, unit="row"),
            hard=DataLimit(value=settings.rows_hard, unit="row"),
        ),
        upload_limit=DataLimits(hard=DataLimit(value=settings.upload_rows, unit="row")),
    )


def _output(index: int) -> OutputFormat:
    made = FORMATS[index]
    return OutputFormat(mime=made.media_type, alias=[made.name, *made.synonyms], ivo_id=made.ivo_id)


def _language() -> Language:
    return Language(
        name="ADQL",
        version=[
            Version(value="2.1", ivo_id=f"{STD}/ADQL#v2.1"),
            Version(value="2.0", ivo_id=f"{STD}/ADQL#v2.0"),
        ],
        description="The Astronomical Data Query Language 2.1",
        language_features=[
            LanguageFeatureList(
                type=kind,
                feature=[LanguageFeature(form=form, description=text) for form, text in features],
            )
            for kind, features in _features().items()
        ],
    )


def _features() -> dict[str, tuple[tuple[str, str], ...]]:
    """Give the optional features under the keys that clients compare, letter by letter.

    They write TAPRegExt as the standard is called, not as ADQL 2.1 writes its
    identifier. The key of conditional functions came late into ADQL 2.1, and
    validators still take it for an error: those functions stand among the
    user-defined ones, as functions a client may offer.
    """
    known = {_key(kind): features for kind, features in FEATURES.items()}
    late = known.pop(_CONDITIONAL, ())
    functions = tuple((f"{name}(first ANY, second ANY) -> ANY", text) for name, text in late)
    known[_UDF] = (*known.get(_UDF, ()), *functions)
    return known


def _key(kind: str) -> str:
    return f"{STD}/TAPRegExt#{kind.rpartition('#')[2]}"


_VOSI: Final = ("capabilities", "availability")


def simple_capabilities(services: Mapping[str, str], *, base: str) -> bytes:
    """Give the small_capabilities document of some services under one address.

    Parameters
    ----------
    services
        Address of each service by its standard identifier.
    base
        Address under which ``capabilities`` and ``availability`` are.
    """
    described = [_capability(standard, url, use="base") for standard, url in services.items()]
    vosi = [_capability(f"ivo://ivoa.net/std/VOSI#{name}", f"{base}/{name}", use="full") for name in _VOSI]
    return document(VOSICapabilities(capability=[*described, *vosi]))


def _capability(standard: str, url: str, *, use: Literal["base", "full"]) -> Capability:
    interface = ParamHTTP(
        role="std" if use == "base" else None, access_url=[AccessURL(value=AnyUrl(url), use=use)]
    )
    return Capability(standard_id=AnyUrl(standard), interface=[interface])


def ssa_capabilities(*, settings: Settings, urls: Urls, place: tuple[float, float] | None = None) -> bytes:
    """Give the capabilities document of SSA, as its registry extension says it (SSA 1.1, section 10).

    It is for registries; the service itself answers without the extension, which few validators know.

    Parameters
    ----------
    settings
        Of the service.
    urls
        Its addresses.
    place
        Where a test query finds a spectrum, ICRS, deg.
    """
    said = [("complianceLevel", "full"), ("dataSource", "survey"), ("dataSource", "pointed")]
    said += [("creationType", "archival"), ("supportedFrame", "ICRS"), ("maxSearchRadius", "180")]
    said += [("maxRecords", str(settings.rows_hard)), ("defaultMaxRecords", str(settings.rows_default))]
    tree, capability = _typed(SSA_ID, urls.ssa, "ssap", "SimpleSpectralAccess", said)
    if place is not None:
        test = etree.SubElement(capability, "testQuery")
        position = etree.SubElement(test, "pos")
        _put(position, [("long", f"{place[0]:.6f}"), ("lat", f"{place[1]:.6f}"), ("refframe", "ICRS")])
        _put(test, [("size", "0.1")])
    return tree_document(tree)


def scs_capabilities(
    table: str, *, settings: Settings, urls: Urls, place: tuple[float, float] | None = None
) -> bytes:
    """Give the capabilities document of a cone search (SCS 1.03, section 3).

    Parameters
    ----------
    table
        What cones are asked of.
    settings
        Of the service.
    urls
        Its addresses.
    place
        Where a test query finds something, ICRS, deg.
    """
    said = [("maxSR", "180"), ("maxRecords", str(settings.rows_hard)), ("verbosity", "true")]
    tree, capability = _typed(SCS_ID, urls.scs(table), "cs", "ConeSearch", said)
    capability.insert(0, etree.Element("description"))
    capability[0].text = f"Cone search of {table}"
    if place is not None:
        test = etree.SubElement(capability, "testQuery")
        _put(test, [("ra", f"{place[0]:.6f}"), ("dec", f"{place[1]:.6f}"), ("sr", "0.1")])
    return tree_document(tree)


_EXTENSIONS: Final = {
    "ssap": "http://www.ivoa.net/xml/SSA/v1.1",
    "cs": "http://www.ivoa.net/xml/ConeSearch/v1.0",
}


def _typed(
    standard: str, url: str, prefix: str, kind: str, said: Sequence[tuple[str, str]]
) -> tuple[Any, Any]:
    """Give a capabilities document whose first capability is of a type of its own, and that capability."""
    plain = etree.fromstring(simple_capabilities({standard: url}, base=url))
    namespaces = {name: uri for name, uri in plain.nsmap.items() if name} | {prefix: _EXTENSIONS[prefix]}
    tree = etree.Element(plain.tag, nsmap=namespaces)
    tree.extend(list(plain))
    tree[0].set("{http://www.w3.org/2001/XMLSchema-instance}type", f"{prefix}:{kind}")
    _put(tree[0], said)
    return tree, tree[0]


def _put(parent: Any, said: Sequence[tuple[str, str]]) -> None:
    for name, text in said:
        etree.SubElement(parent, name).text = text
