from __future__ import annotations

import math
from typing import Any

import pytest

from service.parameters import Parameters
from service.products.calibration import FluxCalibration
from service.products.request import FORMATS, SpectrumRequest, find_format, parse_request
from vo_emline.errors import UserError

DID = "ivo://asu.cas.cz/stel/ccd700/uk220017"


def parse(**values: Any) -> SpectrumRequest:
    lists = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    return parse_request(Parameters({"ID": [DID], **lists}))


def test_only_an_identifier_asks_for_the_whole_spectrum_in_vacuum_as_votable() -> None:
    request = parse()
    assert request.did == DID
    assert request.format.media_type == "application/x-votable+xml"
    assert request.band is None
    assert request.calibration is FluxCalibration.UNCALIBRATED
    assert request.medium == "vacuum"
    assert not request.processed


@pytest.mark.parametrize(
    ("given", "angstrom"),
    [
        ({"BAND": "6.5e-7 6.6e-7"}, (6500, 6600)),
        ({"BAND": "6.5e-7/6.6e-7"}, (6500, 6600)),
        ({"BAND": "6.5e-7/"}, (6500, math.inf)),
        ({"BAND": "-Inf 6.6e-7"}, (-math.inf, 6600)),
        ({"LAMBDA_MIN": "6.5e-7", "LAMBDA_MAX": "6.6e-7"}, (6500, 6600)),
        ({"LAMBDA_MAX": "6.6e-7"}, (-math.inf, 6600)),
    ],
)
def test_the_ways_to_write_a_cut_out(given: dict[str, str], angstrom: tuple[float, float]) -> None:
    request = parse(**given)
    assert request.band == pytest.approx(angstrom)
    assert request.processed


@pytest.mark.parametrize("band", ["NaN NaN", "-Inf +Inf", "", " "])
def test_an_interval_that_says_nothing_cuts_nothing(band: str) -> None:
    # clients send the default of a parameter that nobody has set
    assert parse(BAND=band).band is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"BAND": "6.5e-7"}, "UsageFault: BAND=6.5e-7 is not two wavelengths"),
        ({"BAND": "red blue"}, "UsageFault: red is not a wavelength"),
        ({"BAND": "6.6e-7 6.5e-7"}, "UsageFault: BAND begins at 6.6e-07 m, after its end"),
        ({"BAND": ["6e-7 7e-7", "5e-7 6e-7"]}, "MultiValuedParamNotSupported: BAND"),
        ({"ID": ["a", "b"]}, "MultiValuedParamNotSupported: ID"),
        ({"ID": []}, "UsageFault: ID is missing"),
        ({"FORMAT": "image/jpeg"}, "UsageFault: FORMAT=image/jpeg is not offered"),
        ({"FLUXCALIB": "absolute"}, "UsageFault: FLUXCALIB=absolute is not one of UNCALIBRATED"),
        ({"MEDIUM": "water"}, "UsageFault: MEDIUM=water is not one of vacuum, air"),
    ],
)
def test_mistakes_are_named_as_soda_names_them(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(**given)
    assert str(caught.value).startswith(message)


def test_the_same_value_twice_is_no_contradiction() -> None:
    assert parse(FORMAT=["text/csv", "text/csv"]).format.name == "csv"


def test_values_have_no_case() -> None:
    request = parse(FLUXCALIB="Normalized", MEDIUM="AIR", FORMAT="Application/FITS")
    assert (request.calibration, request.medium, request.format.name) == ("normalized", "air", "fits")


def test_every_name_of_a_format_leads_to_that_format_only() -> None:
    names = [name for item in FORMATS for name in (item.name, item.media_type, *item.aliases)]
    assert len(names) == len(set(names))
    for item in FORMATS:
        for name in (item.name, item.media_type, *item.aliases):
            assert find_format(name) is item


@pytest.mark.parametrize("spelling", ["application/x-votable+xml; serialization=tabledata", "votable/td"])
def test_tabledata_has_several_spellings(spelling: str) -> None:
    assert find_format(spelling).name == "tabledata"
