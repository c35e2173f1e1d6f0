"""Positions, angles, wavelengths, times and lists as people write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy import units as u

from vo_emline.archives.arguments import (
    parse_angle,
    parse_band,
    parse_duration,
    parse_position,
    parse_times,
    read_identifiers,
)
from vo_emline.errors import UserError


@pytest.mark.parametrize(
    "text", ["14.1772,60.7167", "14.1772 60.7167", "00:56:42.53,+60:43:00", "0h56m42.53s, 60d43m00s"]
)
def test_positions(text: str) -> None:
    position = parse_position(text)
    assert (position.ra.deg, position.dec.deg) == pytest.approx((14.1772, 60.7167), abs=1e-4)


@pytest.mark.parametrize("text", ["14.2", "1,2,3", "here,there", "10,95"])
def test_no_positions(text: str) -> None:
    with pytest.raises(UserError, match="is no position"):
        parse_position(text)


def test_angles() -> None:
    assert parse_angle("0.5").deg == 0.5
    assert parse_angle("30arcmin").deg == 0.5
    for text in ("-1", "0", "x", "3 km"):
        with pytest.raises(UserError):
            parse_angle(text)


@pytest.mark.parametrize("text", ["6519,6732", "651.9,673.2nm", "651.9 nm, 673.2 nm", "6.519e-7,6.732e-7m"])
def test_wavelengths(text: str) -> None:
    assert parse_band(text).to_value(u.AA) == pytest.approx([6519, 6732])


@pytest.mark.parametrize("text", ["6519", "6732,6519", "a,b", "1,2,3", "6519,6732kg", "6519,6732parrot"])
def test_no_wavelengths(text: str) -> None:
    with pytest.raises(UserError):
        parse_band(text)


def test_durations() -> None:
    assert [parse_duration(text) for text in ("90", "30min", "2h", "1.5 h")] == [90, 1800, 7200, 5400]
    for text in ("0", "soon", "3deg"):
        with pytest.raises(UserError):
            parse_duration(text)


def test_dates() -> None:
    assert parse_times("2010-01-01,2012-12-31") == ("2010-01-01", "2012-12-31")
    for text in ("2010-01-01", "yesterday,today"):
        with pytest.raises(UserError, match="two dates"):
            parse_times(text)


def test_the_published_labels(shared_data: Path) -> None:
    dids = read_identifiers(shared_data / "catalogues/ondrejov-labels.csv")
    assert len(dids) == 13_334
    assert dids[0] == "ivo://asu.cas.cz/stel/ccd700/uc050029"


@pytest.mark.parametrize(
    "text",
    [
        "ivo://a/1\nivo://a/2\n",
        "# mine\nivo://a/1\n\nivo://a/2\nivo://a/1\n",
        "label,id\n0,ivo://a/1\n1,ivo://a/2\n",
    ],
)
def test_lists_and_tables(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list"
    path.write_text(text)
    assert read_identifiers(path) == ["ivo://a/1", "ivo://a/2"]


def test_a_column_obsid(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("\ufeffobsid,ra\n403028,9.7\n")
    assert read_identifiers(path) == ["403028"]


@pytest.mark.parametrize(
    ("text", "said"), [("", "no identifier"), ("ra,dec\n1,2\n", "no column with identifiers")]
)
def test_no_identifiers(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        read_identifiers(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read"):
        read_identifiers(tmp_path / "none")
