"""The page of evaluation, the card of the model and README tell the same figures, of the model that ships."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from vo_emline.rundir import DEFAULT_MODEL

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "evaluation.md").read_text(encoding="utf-8")
CARD = (ROOT / "docs" / "model-card.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")

ROWS = {
    "real negatives called positive |": "real negatives called positive, plain label",
    "degraded to S/N 3–15, positive": "spectra degraded to S/N 3–15",
    "completeness, lines over 10 σ(EW)": "completeness, lines over 10 σ(EW)",
    "… that stick out of their surroundings | ≥": "… of those that stick out",
    "… at 5–20 σ that only fill the core | ≥": "… of lines at 5–20 σ(EW) that only fill",
    "resolved doubles called double-peak": "resolved doubles called double-peak",
    "singles called double-peak | ≤ 1 % | 0": "singles called double-peak",
    "calibration error (ECE)": "ECE at a 50/50 mix",
}
"""Beginnings of rows of the page, and of the card."""


def row(text: str, start: str) -> list[str]:
    """Give the cells of the one row of a table that begins so."""
    (found,) = [line for line in text.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_the_card_is_of_the_model_that_ships() -> None:
    model = json.loads((DEFAULT_MODEL / "model.json").read_text(encoding="utf-8"))
    assert model["sha256"] in CARD


@pytest.mark.parametrize("start", ROWS)
def test_page_and_card_agree(start: str) -> None:
    card = row(CARD, ROWS[start])[2:]
    # the card has the classical detector before the window alone
    network, detector, window = (re.match(r"[\d.]+ ?%?|–", cell).group().strip() for cell in card)  # type: ignore[union-attr]
    assert row(PAGE, start)[2:] == [network, window, detector]


def test_the_cataclysmic_variables_are_told_alike() -> None:
    assert "73 of 76" in row(CARD, "real spectra with emission called positive by the network")[1]
    assert "73 = 96 % (89–99 %)" in PAGE
    assert "73 of 76 cataclysmic variables" in README
    count = re.search(r"of (\d+)\)", row(CARD, "… that rise above the continuum")[1])
    assert count is not None
    assert f"| {count.group(1)} | 100 % (99.5–100 %)" in PAGE
