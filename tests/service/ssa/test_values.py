from __future__ import annotations

import math

import pytest

from service.ssa.values import parse_ranges, read_band, read_position, read_time, split_qualifier
from vo_emline.errors import UserError


def test_a_position_is_icrs_unless_it_says_otherwise() -> None:
    assert read_position("120.18,-2.88") == (120.18, -2.88)
    assert read_position("120.18,-2.88;ICRS") == (120.18, -2.88)
    assert read_position("-10,0") == (350, 0)


def test_other_frames_are_converted() -> None:
    # the galactic centre (Reid & Brunthaler 2004), and the pole of FK4, which precession has moved
    assert read_position("0,0;GALACTIC") == pytest.approx((266.405, -28.936), abs=1e-3)
    assert read_position("0,90;FK4")[1] == pytest.approx(89.72, abs=0.01)


@pytest.mark.parametrize("text", ["120.18", "a,b", "1,2,3", "10,91", "400,0", "nan,0", "1,2;B1950X", ""])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="POS"):
        read_position(text)


@pytest.mark.parametrize(
    ("text", "first", "days"),
    [
        ("2012", 55927, 366),  # a leap year
        ("2012-02", 55958, 29),
        ("2012-12", 56262, 31),
        ("2012-05-31", 56078, 1),
        ("2012-05-31T20", 56078 + 20 / 24, 1 / 24),
        ("2012-05-31T20:15", 56078 + 20.25 / 24, 1 / 1440),
        ("2012-05-31T20:15:00", 56078 + 20.25 / 24, 0),
        ("2012-05-31T20:15:00.5Z", 56078 + (20.25 + 0.5 / 3600) / 24, 0),
        ("2012-05-31 20:15:00", 56078 + 20.25 / 24, 0),
    ],
)
def test_a_date_stands_for_the_interval_it_names(text: str, first: float, days: float) -> None:
    begins, ends = read_time(text)
    assert begins == pytest.approx(first, abs=1e-8)
    assert ends - begins == pytest.approx(days, abs=1e-8)


@pytest.mark.parametrize("text", ["2012-13", "2012-02-30", "yesterday", "55000.5", "9999", "0000", ""])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="not a date"):
        read_time(text)


def test_bands_have_names() -> None:
    low, high = read_band("V")
    assert low < 5.5e-7 < high
    assert read_band("h-alpha")[0] == pytest.approx(6564.61e-10)
    assert read_band("6.5628e-7") == (6.5628e-7, 6.5628e-7)
    assert read_band("Radio")[1] == math.inf


@pytest.mark.parametrize("text", ["purple", "-1e-7", "0", "inf", "nan"])
def test_what_is_no_band_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="BAND"):
        read_band(text)


def test_ranges_are_lists_of_values_and_intervals_open_or_not() -> None:
    ranges = parse_ranges("BAND", "4e-7,5e-7/6e-7,/3e-7,9e-7/", read=read_band)
    assert ranges == [(4e-7, 4e-7), (5e-7, 6e-7), (None, 3e-7), (9e-7, None)]


def test_the_end_of_a_range_of_dates_is_the_end_of_its_last_day() -> None:
    [(first, last)] = parse_ranges("TIME", "2012-05-30/2012-05-31", read=read_time)
    assert (first, last) == (56077, 56079)


@pytest.mark.parametrize("text", ["", "/", "1e-7/2e-7/3e-7", "1e-7,,2e-7", "6e-7/5e-7"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="BAND"):
        parse_ranges("BAND", text, read=read_band)


def test_qualifiers_are_split_off_and_checked() -> None:
    assert split_qualifier("BAND", "5e-7/6e-7;Observer", allowed=("observer",)) == ("5e-7/6e-7", "observer")
    with pytest.raises(UserError, match="not one of observer"):
        split_qualifier("BAND", "5e-7/6e-7;source", allowed=("observer",))
