from __future__ import annotations

import pytest

from service.web.candidate import line_facts, with_error, written
from vo_emline.measure.quantities import QUANTITIES


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (-4.1317, 0.4487, "−4.13 ± 0.45"),
        (476.69, 21.5, "477 ± 22"),
        (0.9649, 0.0783, "0.965 ± 0.078"),
        (12.0, None, "12"),
        (12.0, float("nan"), "12"),
    ],
)
def test_the_error_decides_on_the_digits(value: float, error: float | None, text: str) -> None:
    assert with_error(value, error) == text


def test_units_are_written_for_people() -> None:
    assert {written(quantity.unit) for quantity in QUANTITIES} == {"Å", "km/s", ""}


def test_only_what_was_measured_is_told() -> None:
    nothing = {name: None for quantity in QUANTITIES for name in (quantity.name, quantity.error_name)}
    assert not line_facts(nothing)
    facts = line_facts(nothing | {"vr_ratio": 1.2, "vr_ratio_error": 0.1})
    assert [(fact.name, fact.text) for fact in facts] == [("vr_ratio", "1.20 ± 0.10")]
