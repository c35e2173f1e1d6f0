"""Service descriptors, old and new, and the addresses made of them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from vo_emline.archives.datalink import (
    Parameter,
    ServiceDescriptor,
    SpectrumRequest,
    find_descriptor,
    find_links,
)
from vo_emline.errors import UserError
from vo_emline.net.votable import read_votable

DID = "ivo://asu.cas.cz/stel/ccd700/tg160037"
NEW = ServiceDescriptor(
    access_url="http://example.test/dlget",
    standard_id="ivo://ivoa.net/std/SODA#sync-1.0",
    parameters=(
        Parameter(name="ID", ref="ssa_pubDID"),
        Parameter(name="BAND", unit="m"),
        Parameter(name="FLUXCALIB", options=("RELATIVE", "normalized")),
        Parameter(name="FORMAT", options=("text/csv", "image/fits")),
    ),
)


def inputs(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_the_recorded_descriptor_is_understood(shared_data: Path) -> None:
    content = (shared_data / "services/ondrejov/ssap1.xml").read_bytes()
    resources = read_votable(content, "x").votable.resources
    descriptor = find_descriptor(resources)
    assert descriptor is not None
    assert descriptor.standard_id == "ivo://ivoa.net/std/SSDP#sync"
    request = SpectrumRequest(calibration="normalized", cutout=(6519.0, 6732.0))
    url = descriptor.url(DID, request)
    assert url.startswith("http://voarchive.asu.cas.cz/ccd700/q/sdl/dlget?")
    # the service of 2015 describes its cut-out by two parameters, in metres
    assert inputs(url) == {
        "ID": DID,
        "FLUXCALIB": "normalized",
        "LAMBDA_MIN": "6.519e-07",
        "LAMBDA_MAX": "6.732e-07",
        "FORMAT": "application/fits",
    }
    links = find_links(resources)
    assert links is not None
    assert links.access_url == "http://voarchive.asu.cas.cz/ccd700/q/sdl/dlmeta"


def test_an_answer_without_service_has_none(shared_data: Path) -> None:
    content = (shared_data / "services/lamost/ssap_response.xml").read_bytes()
    resources = read_votable(content, "x").votable.resources
    assert find_descriptor(resources) is None
    assert find_links(resources) is None


def test_todays_band_is_one_parameter() -> None:
    url = NEW.url(DID, SpectrumRequest(cutout=(6519.0, 6732.0)))
    assert inputs(url)["BAND"] == "6.519e-07 6.732e-07"


def test_values_are_spelt_as_the_service_spells_them() -> None:
    made = inputs(NEW.url(DID, SpectrumRequest(calibration="Relative")))
    assert made["FLUXCALIB"] == "RELATIVE"
    assert made["FORMAT"] == "image/fits"  # the only FITS on offer


def test_only_what_the_service_declares_is_sent() -> None:
    bare = ServiceDescriptor(access_url="http://example.test/get?user=me", parameters=(Parameter(name="id"),))
    assert inputs(bare.url(DID, SpectrumRequest())) == {"user": "me", "id": DID}


def test_presets_are_kept() -> None:
    service = ServiceDescriptor(
        access_url="http://a.test/", parameters=(Parameter(name="KIND", value="star"),)
    )
    assert inputs(service.url(DID, SpectrumRequest()))["KIND"] == "star"


def test_identifiers_are_quoted() -> None:
    did = "ivo://x-local.test/~?lamost/data/dr1/spec-1.fits&x=1"
    url = NEW.url(did, SpectrumRequest())
    assert inputs(url)["ID"] == did


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (SpectrumRequest(calibration="absolute"), "RELATIVE, normalized; not 'absolute'"),
        (SpectrumRequest(format="image/jpeg"), "offers FORMAT"),
    ],
)
def test_what_is_not_offered_is_said(request_: SpectrumRequest, said: str) -> None:
    with pytest.raises(UserError, match=said):
        NEW.url(DID, request_)


@pytest.mark.parametrize(
    "request_", [SpectrumRequest(calibration="normalized"), SpectrumRequest(cutout=(1.0, 2.0))]
)
def test_a_service_that_cannot_says_so(request_: SpectrumRequest) -> None:
    with pytest.raises(UserError, match="cannot"):
        ServiceDescriptor(access_url="http://a.test/").url(DID, request_)


def test_the_same_wish_is_described_the_same_way() -> None:
    wishes = [SpectrumRequest(calibration=c, cutout=(6500, 6750.0)) for c in ("normalized", "NORMALIZED")]
    assert wishes[0].describe() == wishes[1].describe()
    assert wishes[0].describe() != SpectrumRequest(calibration="normalized").describe()
