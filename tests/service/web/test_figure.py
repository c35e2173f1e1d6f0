"""Drawings of spectra: what is in them, whatever the spectrum is like."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import fromstring

import httpx
import numpy as np
import pytest

from service.web.figure import Curve, draw, flux_limits, ticks
from vo_emline.spectra import HALPHA_VAC

WAVELENGTH = np.linspace(4000.0, 9000.0, 5000)


def flux_of(peak: float) -> np.ndarray:
    rng = np.random.default_rng(2)
    line = peak * np.exp(-0.5 * ((WAVELENGTH - HALPHA_VAC) / 4) ** 2)
    return 1 + line + rng.normal(0, 0.02, WAVELENGTH.size)


def test_the_axis_holds_the_line_and_not_the_cosmics() -> None:
    flux = flux_of(4.0)
    flux[100] = 1e4
    low, high = flux_limits(Curve(wavelength=WAVELENGTH, flux=flux), whole=True)
    assert low < 1.0
    assert 5.0 < high < 7.0


@pytest.mark.parametrize("whole", [True, False])
def test_the_axis_holds_the_absorption_that_is_expected(whole: bool) -> None:
    near = np.abs(WAVELENGTH - HALPHA_VAC) < 45
    wavelength, flux = WAVELENGTH[near], flux_of(0.2)[near]
    expected = 1 - 0.5 * np.exp(-0.5 * ((wavelength - HALPHA_VAC) / 6) ** 2)
    expected[:3] = np.nan
    low, high = flux_limits(Curve(wavelength=wavelength, flux=flux, expected=expected), whole=whole)
    assert low < 0.5
    assert high > 1.2
    unknown = Curve(wavelength=wavelength, flux=flux, expected=np.full(wavelength.size, np.nan))
    plain = Curve(wavelength=wavelength, flux=flux)
    assert flux_limits(unknown, whole=whole) == flux_limits(plain, whole=whole)


def test_the_drawn_absorption_does_not_run_off_the_bottom() -> None:
    near = np.abs(WAVELENGTH - HALPHA_VAC) < 45
    expected = 1 - 0.7 * np.exp(-0.5 * ((WAVELENGTH[near] - HALPHA_VAC) / 6) ** 2)
    flux = flux_of(0.1)[near]
    drawn = fromstring(draw(Curve(wavelength=WAVELENGTH[near], flux=flux, expected=expected), whole=False))
    (clip,) = drawn.findall(".//{*}clipPath/{*}rect")
    lowest = float(clip.attrib["y"]) + float(clip.attrib["height"])
    path = next(item for item in drawn.iter() if item.get("class") == "expected").attrib["d"]
    downs = [float(point.split()[1]) for point in path[1:].split("L")]
    assert float(clip.attrib["y"]) < min(downs)
    assert max(downs) < lowest


@pytest.mark.parametrize(
    "flux",
    [
        flux_of(1.0),
        np.full(5000, np.nan),
        np.zeros(5000),
        np.where(np.arange(5000) % 2, np.nan, 1.0),
        -flux_of(9.0),
    ],
)
@pytest.mark.parametrize("whole", [True, False])
def test_any_spectrum_becomes_a_drawing(flux: np.ndarray, whole: bool) -> None:
    drawn = draw(Curve(wavelength=WAVELENGTH, flux=flux, name="<b>&"), whole=whole)
    assert fromstring(drawn).tag.endswith("svg")
    assert "nan" not in drawn
    assert "<b>" not in drawn
    assert len(drawn) < 40_000


def test_ticks_are_round_and_few() -> None:
    for low, high in ((0.98, 1.03), (-4e-17, 2e-16), (3690, 9100), (-120, 15)):
        found = ticks(low, high, most=5)
        assert 2 <= len(found) <= 6
        assert all(low <= tick <= high for tick in found)


def test_the_drawings_of_a_page_are_there(archive: Any) -> None:
    query = f"SELECT page_url FROM emline.scores WHERE obs_publisher_did = '{archive.dids['ondrejov']}'"
    answer = archive.get("tap/sync", LANG="ADQL", QUERY=query, RESPONSEFORMAT="json")
    base = answer.json()["data"][0][0].removesuffix(".html")
    for panel in ("halpha", "whole"):
        drawing = httpx.get(f"{base}.{panel}.svg")
        assert drawing.headers["content-type"] == "image/svg+xml"
        assert "Hα" in drawing.text
    assert httpx.get(f"{archive.url}/candidate/EML-0.whole.svg").status_code == 404
