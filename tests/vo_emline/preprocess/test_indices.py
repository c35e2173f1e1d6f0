"""Spectral indices: depths of features beside straight continua, with their noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vo_emline.preprocess import PreprocessOptions, needed_wavelengths
from vo_emline.preprocess.indices import (
    INDICES,
    N_INDICES,
    REACH,
    index_noise,
    measure_indices,
)
from vo_emline.preprocess.prepare import prepare
from vo_emline.preprocess.windows import WINDOW_VAC
from vo_emline.spectra import Identity, Spectrum, read, read_part

NAMES = list(INDICES)
WAVE = 10 ** np.arange(3.5682, 3.9591, 1e-4)
HBETA = 4862.7


def spectrum(flux: np.ndarray, *, redshift: float | None = None, mask: np.ndarray | None = None) -> Spectrum:
    return Spectrum(
        wavelength_vac=WAVE,
        flux=flux,
        mask=np.zeros(WAVE.size, dtype=bool) if mask is None else mask,
        resolving_power=1800.0,
        identity=Identity(source="made", redshift=redshift),
    )


def measured(one: Spectrum) -> np.ndarray:
    return measure_indices([one])[0]


def gaussian(centre: float, depth: float, sigma: float) -> np.ndarray:
    return depth * np.exp(-0.5 * np.square((WAVE - centre) / sigma))


def test_no_band_touches_the_window_of_the_line() -> None:
    for name, bands in INDICES.items():
        for low, high in bands:
            assert low < high, name
            assert high < WINDOW_VAC[0] or low > WINDOW_VAC[1], name


def test_a_featureless_spectrum_has_no_depth_whatever_its_colour() -> None:
    sloping = 3.0 + (WAVE - 5000.0) / 2000.0
    found = measured(spectrum(sloping))
    np.testing.assert_allclose(found[0], 0.0, atol=2e-3)
    assert (found[1] < 1e-4).all()


def test_the_depth_of_a_known_line() -> None:
    flux = 7.0 * (1.0 - gaussian(HBETA, 0.5, 3.0))
    value = dict(zip(NAMES, measured(spectrum(flux))[0], strict=True))
    inside = np.abs(WAVE - HBETA) < 8.0
    assert value["hbeta_8"] == pytest.approx(gaussian(HBETA, 0.5, 3.0)[inside].mean(), abs=0.01)
    assert value["hbeta_4"] > value["hbeta_8"] > value["hbeta_20"] > 0
    assert value["mg_b"] == pytest.approx(0.0, abs=1e-9)


def test_bands_follow_a_star_but_no_galaxy() -> None:
    shift = 1e-3
    flux = 1.0 - gaussian(HBETA * (1 + shift), 0.5, 2.0)
    at_rest = measured(spectrum(1.0 - gaussian(HBETA, 0.5, 2.0)))[0, NAMES.index("hbeta_4")]
    moving = measured(spectrum(flux, redshift=shift))[0, NAMES.index("hbeta_4")]
    ignored = measured(spectrum(flux))[0, NAMES.index("hbeta_4")]
    assert moving == pytest.approx(at_rest, abs=0.02)
    assert ignored < 0.8 * at_rest
    far = measured(spectrum(flux, redshift=0.1))[0, NAMES.index("hbeta_4")]
    assert far == ignored


def test_errors_are_those_of_the_noise() -> None:
    random = np.random.default_rng(1)
    noisy = [spectrum(5.0 + 0.25 * random.standard_normal(WAVE.size)) for _ in range(300)]
    found = np.array([measured(one) for one in noisy])
    pull = found[:, 0] / found[:, 1]
    assert pull.std(axis=0) == pytest.approx(np.ones(N_INDICES), abs=0.15)
    stated = index_noise(np.array([0.05]))[0]
    np.testing.assert_allclose(np.median(found[:, 1], axis=0), stated, rtol=0.35)


def test_what_is_not_covered_or_bad_is_unknown() -> None:
    flat = np.ones(WAVE.size)
    blue_lost = measured(spectrum(flat, mask=WAVE < 4500.0))
    unknown = dict(zip(NAMES, np.isnan(blue_lost).all(axis=0), strict=True))
    assert unknown["hdelta_8"]
    assert unknown["ca_k"]
    assert not unknown["hbeta_8"]
    few_bad = measured(spectrum(np.where(WAVE % 50 < 1, np.nan, 1.0), mask=WAVE % 50 < 1))
    np.testing.assert_allclose(few_bad[0], 0.0, atol=1e-12)
    red = spectrum(flat)
    red = replace(red, wavelength_vac=WAVE[-600:], flux=flat[-600:], mask=red.mask[-600:])
    assert np.isfinite(measured(red)[0]).sum() <= 1
    beyond = replace(red, wavelength_vac=WAVE[-600:] * 2.0)
    assert np.isnan(measured(beyond)).all()
    assert np.isnan(measured(spectrum(-flat))).all()


def test_the_part_that_is_read_holds_all_bands(shared_data: Path) -> None:
    between = needed_wavelengths(PreprocessOptions())
    assert between[0] <= REACH[0]
    assert between[1] >= REACH[1]
    assert needed_wavelengths(PreprocessOptions(indices=False))[0] > 6400.0
    for folder in ("dr1-plate", "dr6-dr7", "dr10"):
        path = min((shared_data / "lamost" / folder).glob("*.fits*"))
        whole, part = measured(read(path)), measured(read_part(path, between=between))
        np.testing.assert_array_equal(whole, part)
        assert np.isfinite(whole).mean() > 0.9


def test_windows_carry_the_indices_and_spectra_of_the_line_alone_have_none(shared_data: Path) -> None:
    star = read(min((shared_data / "lamost" / "dr1-plate").glob("*.fits*")))
    line_only = read(min((shared_data / "ondrejov").glob("a2*.fits")))
    windows, rejects = prepare([star, line_only])
    assert not rejects
    assert windows.indices is not None
    np.testing.assert_allclose(windows.indices[0], measured(star), rtol=1e-6)
    assert np.isnan(windows.indices[1]).mean() > 0.9
    assert prepare([star], PreprocessOptions(indices=False))[0].indices is None
