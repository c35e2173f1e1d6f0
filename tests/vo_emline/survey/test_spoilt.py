"""Real spectra spoilt on purpose: none becomes a candidate without a flag that says how it is spoilt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vo_emline.preprocess import PreprocessOptions, needed_wavelengths
from vo_emline.preprocess.artefacts import PREFIX, find_artefacts
from vo_emline.preprocess.prepare import prepare
from vo_emline.preprocess.windows import Prepared
from vo_emline.rundir import DEFAULT_MODEL
from vo_emline.spectra import HALPHA_VAC, Spectrum, find_spectra, read_part_or_reject
from vo_emline.survey import SurveyOptions, score
from vo_emline.survey.model import load_scorer

OPTIONS = PreprocessOptions()
Spoil = Callable[[Spectrum, np.random.Generator], np.ndarray]


def inside(one: Spectrum) -> np.ndarray:
    return np.abs(one.wavelength_vac - HALPHA_VAC) < 170.0


def noise(one: Spectrum) -> float:
    """Give the scatter of neighbours around Hα over the flux."""
    flux = one.flux[inside(one)]
    return float(np.median(np.abs(np.diff(flux))) / np.median(flux))


def hot_pixel(one: Spectrum, random: np.random.Generator) -> np.ndarray:
    flux = one.flux.copy()
    at = int(np.argmin(np.abs(one.wavelength_vac - HALPHA_VAC))) + int(random.integers(-2, 3))
    flux[at] += random.uniform(0.5, 4.0) * np.median(flux[inside(one)])
    return flux


def negated(one: Spectrum, _: np.random.Generator) -> np.ndarray:
    return -one.flux


def three_levels(one: Spectrum, _: np.random.Generator) -> np.ndarray:
    low, high = np.percentile(one.flux[inside(one)], (1, 99))
    return low + np.round(2.0 * np.clip((one.flux - low) / (high - low), 0, 1)) * (high - low) / 2.0


def clipped(one: Spectrum, random: np.random.Generator) -> np.ndarray:
    return np.minimum(one.flux, np.percentile(one.flux[inside(one)], random.uniform(20, 90)))


def frozen(one: Spectrum, random: np.random.Generator) -> np.ndarray:
    flux = one.flux.copy()
    first = np.flatnonzero(one.wavelength_vac > HALPHA_VAC - random.uniform(0.0, 15.0))[0]
    flux[first : first + int(random.integers(4, 15))] = flux[first]
    return flux


def cosmic_ray(one: Spectrum, random: np.random.Generator) -> np.ndarray:
    """Put in three pixels, the middle one highest, that lack the feet of a line."""
    flux = one.flux.copy()
    at = int(np.argmin(np.abs(one.wavelength_vac - HALPHA_VAC))) + int(random.integers(-4, 5))
    height = random.uniform(2.0, 6.0) * np.median(flux[inside(one)])
    flux[at - 1 : at + 2] += height * np.array([random.uniform(0.05, 0.4), 1.0, random.uniform(0.05, 0.4)])
    return flux


def track(one: Spectrum, random: np.random.Generator) -> np.ndarray:
    """Put in three to six pixels with nothing beside them."""
    flux = one.flux.copy()
    at = int(np.argmin(np.abs(one.wavelength_vac - HALPHA_VAC))) + int(random.integers(-4, 3))
    width = int(random.integers(3, 7))
    flux[at : at + width] += (
        random.uniform(1.0, 4.0, 1) * random.uniform(0.8, 1.0, width) * np.median(flux[inside(one)])
    )
    return flux


def ray(one: Spectrum, random: np.random.Generator) -> np.ndarray:
    """Put in three or four pixels of one height, and up to 0.6 of it at either end."""
    flux = one.flux.copy()
    at = int(np.argmin(np.abs(one.wavelength_vac - HALPHA_VAC))) + int(random.integers(-4, 3))
    width, height = int(random.integers(3, 5)), random.uniform(2.0, 6.0) * np.median(flux[inside(one)])
    flux[at : at + width] += height
    flux[[at - 1, at + width]] += height * random.uniform(0.0, 0.6, 2)
    return flux


def stepped(one: Spectrum, random: np.random.Generator) -> np.ndarray:
    flux = one.flux.copy()
    flux[one.wavelength_vac > HALPHA_VAC + random.uniform(-30.0, 30.0)] *= random.choice([0.6, 1.5])
    return flux


SPOILT = {
    "artefact_spike": hot_pixel,
    "artefact_negative": negated,
    "artefact_quantised": three_levels,
    "artefact_clipped": clipped,
    "artefact_clipped, in a row": frozen,
}
LIKE_LINES = {"artefact_spike": cosmic_ray, "artefact_spike, in a row": track, "artefact_spike, a ray": ray,
              "artefact_step": stepped}  # fmt: skip
"""What only its sharpness tells from a line, or from a line's flank: noise may hide it."""


def read(folder: Path) -> list[Spectrum]:
    between = needed_wavelengths(OPTIONS)
    found = [read_part_or_reject(str(path), between=between) for path in find_spectra([folder])]
    return [one for one in found if isinstance(one, Spectrum)]


def marked(flags: str) -> bool:
    """Tell whether there is an artefact other than bad pixels, which the file itself states."""
    return any(name.startswith(PREFIX) and name != "artefact_dead" for name in flags.split())


def flags_of(spectra: list[Spectrum]) -> list[str]:
    return prepare(spectra, OPTIONS)[0].identity["read_flags"].to_pylist()


@pytest.fixture(scope="module")
def real(shared_data: Path) -> list[Spectrum]:
    found = read(shared_data / "lamost" / "dr6-dr7")[:61]
    return [one for one in found if np.ptp(one.flux[inside(one)]) > 0]


@pytest.mark.parametrize("name", SPOILT)
def test_each_kind_is_told(real: list[Spectrum], name: str) -> None:
    random = np.random.default_rng(7)
    spoilt = [replace(one, flux=SPOILT[name](one, random)) for one in real]
    assert np.mean([name.split(",")[0] in flags.split() for flags in flags_of(spoilt)]) > 0.9


@pytest.mark.parametrize("name", LIKE_LINES)
def test_what_is_sharper_than_the_line_spread_is_told(real: list[Spectrum], name: str) -> None:
    random = np.random.default_rng(7)
    spoil = LIKE_LINES[name]
    quiet = [one for one in real if noise(one) < 0.04]
    spoilt = [replace(one, flux=spoil(one, random)) for one in quiet]
    assert len(quiet) > 20
    assert np.mean([name.split(",")[0] in flags.split() for flags in flags_of(spoilt)]) > (
        0.85 if spoil is ray else 0.9
    )


def test_no_spoilt_spectrum_is_a_sure_candidate(real: list[Spectrum]) -> None:
    random = np.random.default_rng(8)
    spoilt = [replace(one, flux=spoil(one, random)) for spoil in SPOILT.values() for one in real[:40]]
    windows, rejects = prepare(spoilt, OPTIONS)
    scores, _ = score(Prepared(windows, tuple(rejects)), load_scorer(DEFAULT_MODEL, SurveyOptions()),
                      options=SurveyOptions())  # fmt: skip
    sure = [row["flags"] for row in scores.to_pylist()
            if row["label"] != "absorption" and "uncertain" not in row["flags"].split()]  # fmt: skip
    assert sure == []


def test_lost_pixels_of_the_line_are_told(real: list[Spectrum]) -> None:
    lost = [np.abs(one.wavelength_vac - HALPHA_VAC - 3.0) < 1.6 for one in real]
    spoilt = [replace(one, mask=one.mask | gone) for one, gone in zip(real, lost, strict=True)]
    assert all("artefact_dead" in flags.split() for flags in flags_of(spoilt))


def test_real_spectra_are_spared(shared_data: Path) -> None:
    survey = flags_of(read(shared_data / "lamost"))
    assert sum(map(marked, survey)) <= 1
    assert sum(map(marked, flags_of(read(shared_data / "ondrejov")))) <= 1


def test_cataclysmic_variables_and_nebulae_are_spared(shared_data: Path) -> None:
    field = shared_data.parent / "field"
    if not field.is_dir():
        pytest.skip(f"no spectra of the field in {field}")
    flags = flags_of(read(field / "sdss-cv"))
    # as many as were found when the thresholds were chosen; nobody told by eye which are artefacts
    assert sum(map(marked, flags)) <= 4
    assert sum(map(marked, flags_of(read(field / "lamost-dr10")))) <= 5


@pytest.mark.parametrize("width", [1.3, 1.55, 3.0, 8.0])
def test_no_line_is_a_spike_however_narrow(width: float) -> None:
    wave = 10 ** np.arange(3.805, 3.835, 1e-4)
    made = []
    for number in range(100):
        random = np.random.default_rng(number)
        line = np.exp(-0.5 * np.square((wave - HALPHA_VAC - random.uniform(-3, 3)) / width))
        flux = 100.0 * (1.0 + random.choice([-0.9, 1.0, 10.0]) * line)
        made.append(flux + random.normal(size=wave.size) * np.sqrt(flux / 100.0))
    flux = np.stack(made)
    found = find_artefacts(flux, np.zeros(flux.shape, dtype=bool), wavelength_vac=wave, line_spread=1.55)
    assert not any(has.any() for has in found.values())
