"""Lines wider than the bands of the continuum, in spectra that reach further than the window."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from vo_emline.measure.quantities import QUANTITIES, measure_emission
from vo_emline.measure.wide import WIDE_KMS, measure_wide
from vo_emline.preprocess import PreprocessOptions, WindowSet
from vo_emline.preprocess.prepare import prepare
from vo_emline.spectra import HALPHA_VAC, Identity, Spectrum

WAVE = 10 ** np.arange(3.55, 3.96, 1e-4)
VELOCITY = (WAVE / HALPHA_VAC - 1.0) * 299_792.458
NOISE = 0.02
EW, FWHM, RV, SEPARATION = range(4)
assert [one.name for one in QUANTITIES[:4]] == ["ew", "fwhm", "radial_velocity", "peak_separation"]


def windows(*lines: np.ndarray, seed: int = 3) -> WindowSet:
    random = np.random.default_rng(seed)
    made = []
    for number, line in enumerate(lines):
        flux = (
            40.0 * (1.0 - 1e-4 * (WAVE - 6500.0)) * (1.0 + line + NOISE * random.standard_normal(WAVE.size))
        )
        made.append(
            Spectrum(
                identity=Identity(source=str(number), survey="test"),
                wavelength_vac=WAVE,
                flux=flux,
                ivar=np.full(WAVE.size, (40.0 * NOISE) ** -2),
                mask=np.zeros(WAVE.size, dtype=bool),
                resolving_power=1800.0,
            )
        )
    return prepare(made, PreprocessOptions())[0]


def gaussian(fwhm: float, centre: float = 0.0) -> np.ndarray:
    return np.exp(-4.0 * np.log(2.0) * np.square((VELOCITY - centre) / fwhm))


@pytest.mark.parametrize("fwhm", [700.0, 1200.0, 2000.0, 3000.0, 4000.0])
def test_width_strength_and_velocity_are_right_at_any_width(fwhm: float) -> None:
    lines = windows(*[gaussian(fwhm, 80.0)] * 30)
    found = measure_wide(lines)
    assert len(found.rows) == 30
    value = found.estimates().value
    width = np.sqrt(np.pi / (4.0 * np.log(2.0))) * fwhm / 299_792.458 * HALPHA_VAC
    assert np.median(value[:, EW]) == pytest.approx(-width, rel=0.03)
    assert np.median(value[:, FWHM]) == pytest.approx(fwhm, rel=0.03)
    assert np.median(value[:, RV]) == pytest.approx(80.0, abs=0.01 * fwhm)


def test_errors_are_what_values_scatter_by() -> None:
    lines = windows(*[0.5 * gaussian(1500.0)] * 60)
    found = measure_wide(lines).estimates()
    for which in (EW, FWHM, RV):
        scatter = 1.4826 * np.median(np.abs(found.value[:, which] - np.median(found.value[:, which])))
        assert 0.8 < np.median(found.error[:, which]) / scatter < 5.0


def test_both_peaks_of_a_wide_disk_are_of_one_line() -> None:
    line = gaussian(1000.0, -700.0) + gaussian(1000.0, 700.0)
    value = measure_wide(windows(*[line] * 20)).estimates().value
    half = VELOCITY[line > 0.5 * line.max()]
    assert np.median(value[:, FWHM]) == pytest.approx(np.ptp(half), rel=0.04)
    assert np.median(value[:, SEPARATION]) == pytest.approx(1400.0, rel=0.07)


def test_narrow_lines_and_nebulae_are_left_as_they_are() -> None:
    nitrogen = 0.8 * gaussian(200.0, 941.0)
    lines = windows(gaussian(200.0), gaussian(WIDE_KMS - 100.0), gaussian(200.0) + nitrogen, 0.0 * VELOCITY)
    assert not len(measure_wide(lines).rows)


def test_without_wings_the_continuum_is_taken_redward() -> None:
    lines = windows(*[gaussian(1200.0)] * 30)
    blind = dataclasses.replace(lines, wings=None)
    found = measure_wide(blind).estimates().value
    assert np.median(found[:, FWHM]) == pytest.approx(1200.0, rel=0.05)
    narrow = measure_emission(lines).value
    width = np.sqrt(np.pi / (4.0 * np.log(2.0))) * 1200.0 / 299_792.458 * HALPHA_VAC
    assert abs(np.median(found[:, EW]) + width) < 0.4 * abs(np.median(narrow[:, EW]) + width)
