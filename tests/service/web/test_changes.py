"""How the line of a star changed: what is drawn against time, and that nothing is drawn of one moment."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from service.web.changes import changes, draw_changes
from service.web.company import Epoch


def epoch(mjd: float | None, **measured: tuple[float, float]) -> Epoch:
    return Epoch(
        candidate_id=f"EML-{mjd}", did="", label="emission", score="0.9", ew="", snr="", when="", survey="",
        itself=False, mjd=mjd, measured=measured,
    )  # fmt: skip


def test_points_stand_in_the_order_of_time_and_value_with_their_errors() -> None:
    svg = ET.fromstring(draw_changes([(56000.0, -10.0, 1.0), (57000.0, -20.0, 0.0)], "EW <b>"))
    first, second = (
        [float(circle.get(name, "nan")) for name in ("cx", "cy")] for circle in svg.iter("circle")
    )
    assert first[0] < second[0]
    assert first[1] < second[1]  # downwards: the second is the stronger emission
    bars = [path.get("d", "") for path in svg.iter("path") if path.get("class") == "bar"]
    up, down = (float(part) for part in bars[0].split(" ")[1].split("V"))
    assert up < first[1] < down or down < first[1] < up
    texts = [text.text for text in svg.iter("text")]
    assert {"2012-03-14", "2014-12-09", "EW <b>"} <= set(texts)


@pytest.mark.parametrize(
    "seen",
    [
        [],
        [epoch(56000.0, ew=(-1.0, 0.1))],
        [epoch(56000.0, ew=(-1.0, 0.1)), epoch(56000.1, ew=(-2.0, 0.1))],
        [epoch(56000.0, ew=(-1.0, 0.1)), epoch(57000.0), epoch(None, ew=(-2.0, 0.1))],
    ],
)
def test_one_moment_is_no_change(seen: list[Epoch]) -> None:
    assert changes(seen) == []


def test_only_what_was_measured_twice_is_drawn() -> None:
    seen = [epoch(56000.0, ew=(-1.0, 0.0), vr_ratio=(1.0, 0.1)), epoch(57000.0, ew=(-1.0, 0.0))]
    (drawn,) = changes(seen)
    assert "EW" in drawn
