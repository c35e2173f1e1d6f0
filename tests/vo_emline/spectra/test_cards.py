from __future__ import annotations

import pytest

from vo_emline.spectra.cards import integer, number, text
from vo_emline.spectra.epoch import iso_to_mjd


@pytest.mark.parametrize(
    "unknown", [-9999, -9999.0, "-9999", "", "NULL", None, float("nan"), float("inf"), True]
)
def test_what_is_no_number(unknown: object) -> None:
    assert number({"Z": unknown}, "Z") is None


def test_the_first_card_that_says_something_answers() -> None:
    cards = {"SNRR": -9999.0, "SN_R": "12.5", "OBJECT": "  ", "OBJNAME": " HD 1 "}
    assert number(cards, "SNRR", "SN_R") == 12.5
    assert text(cards, "OBJECT", "OBJNAME") == "HD 1"
    assert integer({"FIBERID": "7       "}, "FIBERID") == 7
    assert text(cards, "NAME") == ""


@pytest.mark.parametrize(
    ("date", "mjd"),
    [
        ("2000-01-01T12:00:00", 51544.5),
        ("2000-01-01", 51544.0),
        ("2014-12-26 13:02:52", 57017 + 46972 / 86400),
        ("2011-12-07T21:29:50.88", 55902 + 77390.88 / 86400),
        ("2000-01-01T12:00:00Z", 51544.5),
    ],
)
def test_dates(date: str, mjd: float) -> None:
    assert iso_to_mjd(date) == pytest.approx(mjd, abs=1e-9)


@pytest.mark.parametrize("junk", ["", "yesterday", "27/05/05", "2011-13-01"])
def test_no_dates(junk: str) -> None:
    assert iso_to_mjd(junk) is None
