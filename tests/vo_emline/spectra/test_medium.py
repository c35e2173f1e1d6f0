from __future__ import annotations

import numpy as np
import pytest

from vo_emline.spectra import HALPHA_AIR, HALPHA_VAC, air_to_vacuum, vacuum_to_air


@pytest.mark.parametrize(
    ("air", "vacuum"),
    [
        (6562.801, 6564.614),  # Hα
        (4861.325, 4862.683),  # Hβ
        (5889.951, 5891.583),  # Na I D2
        (6678.151, 6679.996),  # He I
    ],
)
def test_lines_known_in_both_media(air: float, vacuum: float) -> None:
    assert float(air_to_vacuum(air)) == pytest.approx(vacuum, abs=2e-3)
    assert float(vacuum_to_air(vacuum)) == pytest.approx(air, abs=2e-3)


def test_halpha_to_the_last_digit_of_the_thesis() -> None:
    assert round(float(air_to_vacuum(HALPHA_AIR)), 3) == HALPHA_VAC


def test_the_two_formulae_are_inverse_over_the_optical() -> None:
    vacuum = np.linspace(3500.0, 10_000.0, 500)
    assert np.abs(air_to_vacuum(vacuum_to_air(vacuum)) - vacuum).max() < 1e-5
