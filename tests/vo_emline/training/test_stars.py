"""Which spectra are of one star."""

from __future__ import annotations

import numpy as np
import pytest

from vo_emline.training.stars import group_by_star, normalise_name

UNKNOWN = np.array([np.nan])


@pytest.mark.parametrize(
    ("one", "other"),
    [("HD 34452", "hd34452"), ("HD 034452", "HD 34452"), ("gamma Cas", "Gamma_Cas"), ("BT CMi", "BT  CMI")],
)
def test_spellings_of_one_name_agree(one: str, other: str) -> None:
    assert normalise_name(one) == normalise_name(other) != ""


def test_digits_inside_a_name_matter() -> None:
    assert normalise_name("HD 1010") != normalise_name("HD 101")


@pytest.mark.parametrize("name", ["", "  ", "sky", "Unknown", "test"])
def test_words_that_are_no_star_group_nothing(name: str) -> None:
    none = np.full(2, np.nan)
    assert len(set(group_by_star([name, name], none, none))) == 2


def test_positions_24_arcsec_apart_are_one_star_and_a_minute_apart_two() -> None:
    dec = np.array([20.0, 20.0 + 24 / 3600, 20.0 + 84 / 3600])
    groups = group_by_star(["a", "b", "c"], np.full(3, 99.0), dec)
    assert groups[0] == groups[1] != groups[2]


def test_right_ascension_shrinks_towards_the_pole_and_wraps_at_zero() -> None:
    ra, dec = np.array([359.999, 0.001, 10.0, 10.5]), np.array([0.0, 0.0, 89.999, 89.999])
    groups = group_by_star([""] * 4, ra, dec)
    assert groups[0] == groups[1] != groups[2] == groups[3]


def test_name_and_position_chain() -> None:
    ra, dec = np.array([10.0, 10.0, np.nan]), np.array([5.0, 5.0 + 10 / 3600, np.nan])
    assert len(set(group_by_star(["HD 1", "HR 2", "HR2"], ra, dec))) == 1


def test_no_spectra_no_stars() -> None:
    assert group_by_star([], np.empty(0), np.empty(0)).size == 0
