"""How far it is, in words."""

from __future__ import annotations

import pytest

from vo_emline.progress import set_quiet
from vo_emline.survey.counts import Meter, ShardCounts, Tally


def counts(number: int, **classes: int) -> ShardCounts:
    inputs = sum(classes.values()) + 1
    return ShardCounts(
        number=number, inputs=inputs, classes=classes, flags={}, rejects={"empty": 1}, seconds={"read": 0.5}
    )


@pytest.fixture
def clock() -> list[float]:
    return [0.0]


def meter(clock: list[float], said: list[str], finished: Tally | None = None, **more: float) -> Meter:
    return Meter(1000, finished or Tally(), say=said.append, clock=lambda: clock[0], **more)


def test_a_line_tells_rate_and_remaining_time_of_this_start(clock: list[float]) -> None:
    said: list[str] = []
    before = Tally.of([counts(0, absorption=99)])  # with times, as if done now
    with meter(clock, said, before, every=10) as shown:
        clock[0] = 5
        shown.add(counts(1, absorption=97, emission=2))
        assert said == []
        clock[0] = 10
        shown.add(counts(2, absorption=96, emission=2, **{"double-peak": 1}))
        assert said == [
            "300 of 1000 (30.0%), 20 spectra/s, 0:00:35 left: 4 emission, 1 double-peak, 3 rejected"
        ]
        clock[0] = 15
        shown.add(counts(3, absorption=99))
        assert len(said) == 1
    assert shown.tally.inputs_now == 400
    assert shown.tally.seconds["read"] == 2.0


def test_nothing_done_has_no_rate(clock: list[float]) -> None:
    assert "0 spectra/s, unknown left" in meter(clock, []).line()


def test_quiet_says_nothing(clock: list[float]) -> None:
    said: list[str] = []
    set_quiet(True)
    try:
        with meter(clock, said, every=0) as shown:
            clock[0] = 5
            shown.add(counts(1, absorption=9))
    finally:
        set_quiet(False)
    assert said == []


def test_shards_finished_before_are_counted_but_not_timed() -> None:
    finished = ShardCounts(number=0, inputs=5, classes={"emission": 5}, flags={"low_snr": 2}, rejects={})
    tally = Tally.of([finished, counts(1, emission=1)])
    assert (tally.shards, tally.inputs, tally.inputs_now) == (2, 7, 2)
    assert tally.classes == {"absorption": 0, "emission": 6, "double-peak": 0}
