"""What only fills a core, and when it is called emission."""

from __future__ import annotations

import numpy as np

from tests.vo_emline.measure.test_matched import NOISE, gaussian, windows
from vo_emline.measure.filled import LEAST_FILLED, LEAST_UNDER_NEBULA, WITHHELD, withhold
from vo_emline.measure.nebula import NITROGEN_VAC, SULPHUR_VAC
from vo_emline.preprocess import GRID
from vo_emline.survey import SurveyOptions

CORE = -0.5 * gaussian(700.0) + 4 * NOISE * gaussian(250.0)
"""A photospheric line whose core is filled a little."""
FORBIDDEN = sum(
    5 * NOISE * share * np.exp(-0.5 * np.square((GRID - line) / 1.6))
    for line, share in zip((*NITROGEN_VAC, SULPHUR_VAC), (1.0, 0.33, 0.8), strict=True)
)


def said(emission: float) -> np.ndarray:
    return np.array([[1.0 - emission, 0.75 * emission, 0.25 * emission]], dtype=np.float32)


def test_a_filled_core_has_to_be_more_probable_than_a_line_of_its_own() -> None:
    filled, risen = windows(CORE), windows(8 * NOISE * gaussian(250.0))
    weak = said(LEAST_FILLED - 0.05)
    withheld = withhold(weak, filled)
    left = WITHHELD[0] + WITHHELD[1] * (LEAST_FILLED - 0.05)
    np.testing.assert_allclose(withheld[0], [1 - left, 0.75 * left, 0.25 * left], rtol=1e-6)
    assert withheld.argmax() == 0
    assert withheld.max() < SurveyOptions().uncertain_below
    assert withhold(said(LEAST_FILLED - 0.02), filled)[0, 0] < withheld[0, 0]
    np.testing.assert_array_equal(withhold(weak, risen), weak)
    sure = said(LEAST_FILLED + 0.05)
    np.testing.assert_array_equal(withhold(sure, filled), sure)


def test_under_a_nebula_it_has_to_be_nearly_sure() -> None:
    nebula = windows(CORE + FORBIDDEN)
    assert withhold(said(LEAST_UNDER_NEBULA - 0.01), nebula).argmax() == 0
    sure = said(LEAST_UNDER_NEBULA + 0.004)
    np.testing.assert_array_equal(withhold(sure, nebula), sure)


def test_absorption_stays_what_it_was() -> None:
    doubtful = said(0.4)
    assert withhold(doubtful, windows(CORE)) is doubtful
