"""Progress where there is no terminal."""

from __future__ import annotations

import time

import pytest

from vo_emline import progress


@pytest.fixture(autouse=True)
def unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LINES", {"lines": False})
    monkeypatch.setattr(progress, "_QUIET", {"quiet": False})
    monkeypatch.setattr(progress, "EVERY", 0.05)


def work(seconds: float) -> None:
    with progress.track(None, "training", total=40, unit="epochs") as bar:
        for _ in range(40):
            time.sleep(seconds / 40)
            bar.update()


def test_a_long_command_says_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    progress.allow_lines()
    begin = time.monotonic()
    work(0.6)
    seconds = time.monotonic() - begin
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) <= seconds / progress.EVERY + 1
    assert all(line.startswith("training: ") and " of 40 epochs, " in line for line in lines)


def test_a_short_one_says_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY", 60.0)
    progress.allow_lines()
    work(0.1)
    assert capsys.readouterr().err == ""


def test_neither_do_libraries_nor_the_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    work(0.3)
    progress.allow_lines()
    progress.set_quiet(True)
    work(0.3)
    assert capsys.readouterr().err == ""
